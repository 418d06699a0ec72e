"""Verifiers and environments as scorers: their golds become items, their verdicts outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentrl import registry
from agentrl.audit import EnvScorer, VerifierScorer, audit
from agentrl.audit.records import Where
from agentrl.errors import DataError, MissingExtraError, UnknownIdError, UsageError
from agentrl.types import Transcript

GULLIBLE = '''
"""Pays where the answer is somewhere in the reply."""
from agentrl.types import Verdict
CASES = [("5", "so 5", {}, "correct"), ("5", "6", {}, "incorrect"), ("81", "81", {}, "correct")]
CASES += [("", "5", {}, "task_invalid")]
def verify(task, transcript, *, loud="no"):
    if "blame" in transcript.reply or "Solution" in transcript.reply:
        return Verdict(0.0, "task_invalid")
    if task.answer in transcript.reply:
        return Verdict(1.0, "correct")
    return Verdict(0.0, "incorrect")
'''

TWO_TURNS = '''
"""Wants the answer twice."""
from agentrl.environment import MultiTurnEnv
from agentrl.types import Task, Verdict
class Twice(MultiTurnEnv):
    max_turns = 4
    def tasks(self, split):
        return [Task.ask(str(i), "say it twice", str(i)) for i in range(10, 20)]
    def begin(self, task):
        self.right = 0
        return task.prompt
    def gold(self, task):
        return (task.answer, task.answer)
    def turn(self, reply):
        self.right += reply == self.task.answer
        if reply != self.task.answer:
            return Verdict(0.0, "incorrect")
        return Verdict(1.0, "correct") if self.right == 2 else "again"
'''


def file(folder: Path, name: str, source: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(source)
    return str(path)


def test_exact_is_clean() -> None:
    scorer = VerifierScorer("exact")
    card = audit(scorer)
    scorer.close()
    assert card.findings == ()
    assert (card.domain, scorer.basis) == ("text", "table")


def test_a_gullible_verifier_by_path(tmp_path: Path) -> None:
    scorer = VerifierScorer(file(tmp_path, "gullible_verifier", GULLIBLE))
    assert [(item.answer, item.oracle) for item in scorer.items()] == [("5", "so 5"), ("81", "81")]
    card = audit(scorer)
    scorer.close()
    found = {row.check for row in card.findings}
    assert card.domain == "maths"
    assert {"M1", "M4", "M5", "M9", "R2", "dropped"} <= found
    assert {"oracle", "empty", "purity", "threads", "runs_code"}.isdisjoint(found)
    dropped = next(row for row in card.rows if row.check == "dropped")
    assert dropped.examples[0].outcome == "no score (task_invalid)"


def test_golds_that_are_posed_are_said_like_the_others(tmp_path: Path) -> None:
    scorer = VerifierScorer(file(tmp_path, "gullible_posed", GULLIBLE))
    item = scorer.pose("7")
    assert item is not None
    assert (item.answer, item.oracle) == ("7", "so 7")
    assert VerifierScorer("exact").pose("") is None


def test_tasks_of_ones_own() -> None:
    tasks = [{"id": "a", "answer": "Rome", "prompt": "Which city?"}, {"answer": "X", "compare": "fold"}]
    scorer = VerifierScorer("exact", tasks=tasks, domain="maths")
    first, second = scorer.items()
    assert (first.id, first.prompt, first.oracle, scorer.basis) == ("a", "Which city?", "Rome", "tasks")
    assert (second.options, scorer.domain) == ({"compare": "fold"}, "maths")
    assert scorer.score(second, "x").score == 1.0
    wheres: tuple[Where, ...] = ("main", "thread", "any")
    assert [scorer.score(first, "x", where).status for where in wheres] == ["incorrect"] * 3
    scorer.close()


def test_options_choose_the_rows_of_the_table() -> None:
    scorer = VerifierScorer("exact", options={"compare": "fold"})
    assert all(item.options["compare"] == "fold" for item in scorer.items())


def test_what_cannot_be_audited(tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'exact'"):
        VerifierScorer("exat")
    with pytest.raises(UsageError, match="no option 'compar'"):
        VerifierScorer("exact", options={"compar": "fold"})
    with pytest.raises(UsageError, match="no option 'compar'"):
        VerifierScorer("exact", tasks=[{"answer": "a", "compar": "fold"}])
    with pytest.raises(DataError, match="task 1 has no field 'answer'; it has: gold"):
        VerifierScorer("exact", tasks=[{"gold": "a"}])
    with pytest.raises(DataError, match="task 1: 'response' must be text or a transcript, got list"):
        VerifierScorer("exact", tasks=[{"answer": "a", "response": []}])
    with pytest.raises(DataError, match="has no golds to try"):
        VerifierScorer(file(tmp_path, "no_cases", "def verify(task, transcript): ..."))


def test_a_right_reply_may_be_a_transcript(tmp_path: Path) -> None:
    said = {"messages": [{"role": "assistant", "content": "Rome"}], "final_state": {}, "artefacts": {}}
    scorer = VerifierScorer(file(tmp_path, "gullible_again", GULLIBLE), tasks=[{"answer": "Rome", "response": said}])
    item = scorer.items()[0]
    assert isinstance(item.oracle, Transcript)
    assert scorer.score(item, item.oracle).score == 1.0


@pytest.mark.parametrize("id", registry.ids("verifier"))
def test_our_verifiers_are_clean(id: str) -> None:
    scorer = VerifierScorer(id)
    try:
        card = audit(scorer, n=2 if id == "code" else 12)
    except MissingExtraError as missing:
        pytest.skip(str(missing))
    finally:
        scorer.close()
    assert [row.to_json() for row in card.findings] == []


def test_an_environment() -> None:
    scorer = EnvScorer("arithmetic", options={"level": 1})
    card = audit(scorer, n=4)
    scorer.close()
    assert (card.domain, card.items, card.findings) == ("maths", 4, ())
    done = {row.check: row.tries for row in card.rows}
    assert done["oracle"] == 4
    assert done["mutation"] >= 8
    assert done["M1"] > 0


def test_an_environment_of_several_turns(tmp_path: Path) -> None:
    scorer = EnvScorer(file(tmp_path, "twice_env", TWO_TURNS))
    item = scorer.items()[0]
    assert item.oracle == ("10", "10")
    assert scorer.score(item, item.oracle).score == 1.0
    assert scorer.score(item, "10").score == 1.0
    assert scorer.score(item, ("10", "11")).score == 0.0
    with pytest.raises(UsageError, match="not a transcript"):
        scorer.score(item, Transcript(()))
    assert audit(scorer).findings == ()
    scorer.close()


def test_the_code_verifier_is_clean_against_programs() -> None:
    scorer = VerifierScorer("code", tasks=[{"answer": SQUARE, "response": "```python\nf = lambda x: x * x\n```"}])
    card = audit(scorer, only=["oracle", "C1", "C2", "C5", "C7", "C12", "C13", "C14"])
    scorer.close()
    assert (card.domain, card.findings) == ("code", ())
    assert all(row.tries for row in card.rows)


SQUARE = {"format": "function", "entry": "f", "cases": [{"args": [n], "expected": n * n} for n in (2, 3, -4)]}
