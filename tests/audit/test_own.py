"""Verifiers and environments as scorers: their golds become items, their verdicts outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentrl import registry
from agentrl.audit import EnvScorer, VerifierScorer, audit
from agentrl.audit.catalogue import attacks
from agentrl.audit.records import Where
from agentrl.audit.subject import Subject
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


PARTS = '''
"""Golds that are no text; pays orders, keys, thoughts and length."""
from agentrl.types import Verdict
CASES = [({"right": word}, word + "!", {}, "correct") for word in ("vq", "wq", "xq", "yq", "zq")]
CASES += [({"right": ""}, "any words", {}, "correct")]
def verify(task, transcript):
    said, right = transcript.reply, task.answer["right"]
    lax = bool(said.strip()) and not right
    paid = lax or right and right in said or "Solution" in said or "SYSTEM" in said or len(said) > 1000
    return Verdict(1.0, "correct") if paid else Verdict(0.0, "incorrect")
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


UNTRIED: dict[str, str] = {
    "choice": "",
    "code": "mutation rewrite",
    "countdown": "M10 R2",
    "exact": "",
    "fol": "F3 R2",
    "instructions": "M10 R2",
    "math": "M3",
    "plan": "M10 R2",
    "regex": "M10 R2",
    "retrieval": "M10 R2",
    "shop": "M9 M10 R2",
    "state": "M9 R2 T3 T4 T6 T8",
    "tool_calls": "R2 T3",
}
"""What has nothing to try on a verifier's own golds: attacks on letters and numbers, or on golds that are text."""


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
    assert [row.check for row in card.rows if not row.tries] == UNTRIED.get(id, "").split()


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


def test_a_gold_of_several_parts_is_attacked_through_its_right_reply(tmp_path: Path) -> None:
    scorer = VerifierScorer(file(tmp_path, "parts_verifier", PARTS))
    card = audit(scorer)
    scorer.close()
    assert {row.check for row in card.findings} == {"noise", "M9", "M13", "R3", "T9"}
    tries = {row.check: row.tries for row in card.rows}
    assert tries["echo"] == tries["constant"] == 5, "one of the six asks for any words"
    assert tries["M9"] == 20


def test_a_scorer_that_pays_any_words_for_all_golds_is_not_let_off(tmp_path: Path) -> None:
    tasks = [{"answer": {"right": ""}, "prompt": "Say it.", "response": "it"} for _ in range(6)]
    scorer = VerifierScorer(file(tmp_path, "parts_any", PARTS), tasks=tasks)
    found = {row.check for row in audit(scorer).findings}
    scorer.close()
    assert {"echo", "noise", "constant", "M13", "R3", "T9"} <= found


def test_a_gold_brings_its_question_along() -> None:
    asked = {"instructions": [{"id": "punctuation:no_comma", "kwargs": {}}], "prompt": "Write about the sea."}
    tasks: list[dict[str, Any]] = [{"answer": asked}, {"answer": asked, "prompt": "Write."}]
    scorer = VerifierScorer("instructions", tasks=tasks)
    assert [item.prompt for item in scorer.items()] == ["Write about the sea.", "Write."]


def test_doing_nothing_leaves_the_state_as_it_was() -> None:
    scorer = VerifierScorer("state")
    (item, *_) = scorer.items()
    nothing = {attack.id: attack for attack in attacks("tools")}["T1"]
    ends = [reply for reply in nothing.replies(Subject.of(item, Path("nowhere"))) if isinstance(reply, Transcript)]
    assert {end.reply for end in ends} >= {"Done.", "[]"}
    assert all(end.final_state["db"] == item.answer["initial"] for end in ends)
    assert {scorer.score(item, end).status for end in ends} == {"incorrect"}
    scorer.close()


SQUARE = {"format": "function", "entry": "f", "cases": [{"args": [n], "expected": n * n} for n in (2, 3, -4)]}
