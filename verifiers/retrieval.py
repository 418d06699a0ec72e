r"""Retrieval metrics: a list of document ids, scored against the documents that were judged relevant.

The reply after its thinking, or its one fenced block, is a JSON list of ids, or one id a line. A line may begin with
the mark of a list (`- a`, `* a`, `1. a`, `1) a`, `[1] a`), and the id may stand in backticks, asterisks or quotes; a
line that is itself the id of a relevant document is left as it is. The order of the lines counts, not their numbers.
The task's `answer`:

    {"relevant": {id: grade} or [ids], "k": 10}

A grade is a number, of which everything up to 0 is not relevant; in a list every id has grade 1. `k` may be left out:
then the whole list counts, up to 1000 entries. Entries after the k-th are cut. Metrics, with n the entries that are
left and R the relevant documents:

    ndcg          sum of (2^grade - 1) / log2(rank + 1), over the same sum for the best order of all judged documents
    ndcg_linear   the same with the grade itself, as trec_eval does
    recall        found / R
    precision     found / k; without k found / n
    f1            of the two sets of ids, 2 found / (distinct ids + R)
    ap            mean over min(R, k) of the precision at the rank of each document found
    mrr           1 / rank of the first document found
    hit, success  1 if any document is found (trec_eval calls it success)
    completeness  1 if all are found
    multi_hop     recall, where the question's answer is right as well; else 0

For `multi_hop` the reply is {"answer": text, "evidence": [ids]}, and the task's `answer` also has "answer", a text or
a list of texts that are right, and must have `k`. Answers are compared whole, but for case, width variants, white
space, quotes around them, a full stop at the end and an article at the beginning.

A repeated id keeps its rank and gains nothing, so that copies of a good document push the others down. An id that was
not judged gains nothing and counts as an entry. Documents of one grade may stand in any order. Only a metric of
exactly 1 is `correct`.

Source: nDCG as in Järvelin and Kekäläinen (2002) with the gain of Burges et al. (2005); the others as in trec_eval
(github.com/usnistgov/trec_eval). Differs from the source: it sorts by a score and breaks ties by id, here the
order is the submitted one; `ap` at k divides by min(R, k), so that a perfect list scores 1.

Covered: ranked lists and sets of ids with binary or graded judgements. Not covered: passages matched by their text,
judgements that are missing (infAP, bpref), scores beside the ids. `recall` and `completeness` without `k` reward
returning everything, `mrr` and `hit` ignore what else is returned: set `k`, or take `f1`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Check, Task, Transcript, Verdict
from agentrl.verifiers._reading.strict_json import JsonError
from agentrl.verifiers._retrieval.reading import MAX_ID, entries, folded, hops

Metric = Literal[
    "ndcg", "ndcg_linear", "recall", "precision", "f1", "ap", "mrr", "hit", "success", "completeness", "multi_hop"
]  # fmt: skip

MAX_ENTRIES = 1000
MAX_GRADE = 100

_GRADED = {"relevant": {"d-a": 3, "d-b": 2, "d-c": 1, "junk": -1, "off": 0}, "k": 3}
_PAIR = {"relevant": ["d-a", "d-b"], "k": 2}
_OPEN = {"relevant": ["d-a", "d-b"]}
_HOPS = {**_PAIR, "answer": ["The Seine", "Seine river"]}
_JUMP = {"metric": "multi_hop"}

# Answer, response, options, expected status.
CASES = [
    (_GRADED, '["d-a", "d-b", "d-c"]', {}, "correct"),
    (_GRADED, "d-a\nd-b\nd-c\n", {}, "correct"),
    (_GRADED, "1. d-a\n2. d-b\n3. d-c\n", {}, "correct"),
    (_GRADED, "- d-c\n- d-b\n- d-a\n", {}, "partial"),
    (_GRADED, '<think>["d-c"]</think>\n```json\n["d-a", "d-b", "d-c"]\n```', {}, "correct"),
    (_GRADED, '["d-a", "d-b", "d-c", "d-zzz"]', {}, "correct"),
    (_GRADED, '["d-a", "d-c", "d-b"]', {}, "partial"),
    (_GRADED, '["d-a", "d-a", "d-b", "d-c"]', {}, "partial"),
    (_GRADED, '["junk", "off", "d-zzz"]', {}, "incorrect"),
    (_GRADED, '["d-zzz", "d-zzz", "d-zzz", "d-a"]', {}, "incorrect"),
    (_GRADED, '["d-c", "d-b", "d-a"]', {"metric": "recall"}, "correct"),
    (_GRADED, '["d-a", "d-b", "d-c"]', {"metric": "ndcg_linear"}, "correct"),
    (_PAIR, '["d-b", "d-a"]', {"metric": "ap"}, "correct"),
    (_PAIR, '["d-z", "d-a"]', {"metric": "mrr"}, "partial"),
    (_PAIR, '["d-z", "d-a"]', {"metric": "hit"}, "correct"),
    (_PAIR, '["d-z", "d-y", "d-a"]', {"metric": "success"}, "incorrect"),
    (_PAIR, '["d-a", "d-z"]', {"metric": "completeness"}, "incorrect"),
    (_PAIR, '["d-a"]', {"metric": "precision"}, "partial"),
    (_OPEN, '["d-a"]', {"metric": "precision"}, "correct"),
    (_OPEN, '["d-a", "d-b", "d-z"]', {"metric": "f1"}, "partial"),
    (_OPEN, '["d-b", "d-a"]', {"metric": "f1"}, "correct"),
    (_HOPS, '{"answer": "seine.", "evidence": ["d-b", "d-a"]}', _JUMP, "correct"),
    (_HOPS, '{"answer": "the Seine", "evidence": ["d-b", "d-z"]}', _JUMP, "partial"),
    (_HOPS, '{"answer": "the Loire", "evidence": ["d-a", "d-b"]}', _JUMP, "incorrect"),
    (_HOPS, '{"answer": "the Seine", "evidence": ["d-z"]}', _JUMP, "incorrect"),
    (_HOPS, '{"answer": "the Seine", "evidence": []}', _JUMP, "no_answer"),
    (_HOPS, '["d-a", "d-b"]', _JUMP, "malformed"),
    (_PAIR, '{"answer": "the Seine", "evidence": ["d-a"]}', _JUMP, "task_invalid"),
    (_PAIR, "", {}, "no_answer"),
    (_PAIR, "[]", {}, "no_answer"),
    (_PAIR, '["d-a", "d-b"', {}, "malformed"),
    (_PAIR, '["d-a", ["d-b"]]', {}, "malformed"),
    ({"relevant": {"7": 1, "9": 1}}, "[7, 9]", {}, "correct"),
    ({"relevant": {"d-a": 0, "d-b": -2}}, '["d-a"]', {}, "task_invalid"),
    ({"relevant": [], "k": 3}, '["d-a"]', {}, "task_invalid"),
    ({"relevant": ["d-a"], "k": 0}, '["d-a"]', {}, "task_invalid"),
    (["d-a"], '["d-a"]', {}, "task_invalid"),
]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a query.

    Attributes:
        grades: Of the relevant documents; all above 0.
        k: How many entries count; None for all.
        answers: To the question, as written; none where it is not asked.
    """

    grades: Mapping[str, float]
    k: int | None
    answers: tuple[str, ...] = ()


def verify(task: Task, transcript: Transcript, *, metric: Metric = "ndcg") -> Verdict:
    """Score the list of ids in the reply.

    Args:
        task: Its `answer` holds the relevant documents and `k`; see the module.
        transcript: The last assistant message holds the ids.
        metric: Which; see the module.

    Raises:
        ConfigError: There is no such metric; no reply raises.
    """
    check_choice("metric", metric, get_args(Metric))
    try:
        judged = _judgement(task.answer, metric)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task cannot be scored: {error}.")
    try:
        said, ids = hops(transcript.reply) if metric == "multi_hop" else ("", entries(transcript.reply, judged.grades))
    except JsonError as error:
        what = "object with answer and evidence" if metric == "multi_hop" else "list of ids"
        return Verdict(0.0, "malformed", feedback=f"The reply is no {what}: {error}.")
    if not ids:
        return Verdict(0.0, "no_answer", feedback="The reply names no document.")
    if metric == "f1":  # of sets: a copy takes no place, else it could push a wrong entry past the k-th
        ids = list(dict.fromkeys(ids))
    ids = ids[: judged.k or MAX_ENTRIES]
    gains = _gains(ids, judged)
    right = metric != "multi_hop" or folded(said) in map(folded, judged.answers)
    score = _METRICS[metric](ids, gains, judged) * right
    checks = tuple(Check(f"entry {rank}", gain > 0) for rank, gain in enumerate(gains, 1))
    feedback = "" if score == 1 else f"{sum(check.passed for check in checks)} of {len(ids)} entries count as relevant."
    if not right:
        feedback = "The answer is not right."
    if metric == "multi_hop":
        checks = (Check("answer", right), *checks)
    status: Literal["correct", "partial", "incorrect"]
    status = "correct" if score == 1 else "partial" if score else "incorrect"
    return Verdict(float(score), status, json.dumps(ids)[:2000], checks, feedback)


def _judgement(answer: Any, metric: str) -> Judgement:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("relevant"), (Mapping, list, tuple)):
        raise DataError('the answer must be {"relevant": {id: grade} or [ids], "k": number}')
    k, relevant = answer.get("k"), answer["relevant"]
    if k is not None and (isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_ENTRIES):
        raise DataError(f"k must be an integer from 1 to {MAX_ENTRIES}, got {k!r}")
    grades = dict(relevant) if isinstance(relevant, Mapping) else {_id(id): 1 for id in relevant}
    for grade in grades.values():
        if isinstance(grade, bool) or not isinstance(grade, (int, float)) or not grade <= MAX_GRADE:
            raise DataError(f"a grade must be a number up to {MAX_GRADE}, got {grade!r}")
    positive = {_id(id): grade for id, grade in grades.items() if grade > 0}
    if not positive or len(positive) > MAX_ENTRIES:
        raise DataError(f"there must be 1 to {MAX_ENTRIES} relevant documents, got {len(positive)}")
    if len(positive) < sum(grade > 0 for grade in grades.values()):
        raise DataError("two ids are the same but for white space around them")
    return Judgement(positive, k, _answers(answer.get("answer"), k) if metric == "multi_hop" else ())


def _answers(given: Any, k: int | None) -> tuple[str, ...]:
    if k is None:
        raise DataError("multi_hop needs k: without it returning everything would be perfect evidence")
    answers = (given,) if isinstance(given, str) else given
    if not isinstance(answers, (list, tuple)) or not 1 <= len(answers) <= MAX_ENTRIES:
        raise DataError('multi_hop needs "answer", a text or a list of texts that are right')
    if not all(isinstance(text, str) and folded(text) and len(text) <= MAX_ID for text in answers):
        raise DataError(f"an answer must be a text of 1 to {MAX_ID} characters")
    return tuple(answers)


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or (isinstance(value, int) and abs(value) >> 256):
        raise DataError(f"an id must be text or an integer, got {type(value).__name__}")
    if not 1 <= len(str(value).strip()) <= MAX_ID:
        raise DataError(f"an id must have 1 to {MAX_ID} characters")
    return str(value).strip()


def _gains(ids: Sequence[str], judged: Judgement) -> list[float]:
    """The grade of every entry; 0 for a repeated one and one that was not judged."""
    left = dict(judged.grades)
    return [left.pop(id, 0) for id in ids]


def ndcg(gains: Sequence[float], best: Sequence[float], gain: Callable[[float], float]) -> float:
    """Normalised discounted cumulative gain: DCG / IDCG, with DCG = sum of gain(grade) / log2(rank + 1).

    Args:
        gains: Grades in the submitted order.
        best: Grades in the best order, cut where `gains` is.
        gain: From a grade to what it is worth.

    >>> graded = [3, 2, 3, 0, 1, 2]
    >>> best = sorted(graded, reverse=True)
    >>> round(ndcg(graded, best, exponential), 4), round(ndcg(graded, best, float), 4)
    (0.9488, 0.9608)
    """

    def dcg(grades: Sequence[float]) -> float:
        return sum(gain(grade) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))

    if [grade for grade in gains if grade] == list(best) and all(gains[: len(best)]):
        return 1.0
    return min(dcg(gains) / dcg(best), math.nextafter(1.0, 0.0))  # another order is never exactly the best


def exponential(grade: float) -> float:
    """The gain 2^grade - 1, of Burges et al. (2005).

    >>> exponential(3)
    7.0
    """
    return math.pow(2.0, grade) - 1.0 or grade * math.log(2.0)  # the limit, where the difference rounds to 0


def _ndcg(gain: Callable[[float], float]) -> Callable[[Sequence[str], Sequence[float], Judgement], float]:
    def score(ids: Sequence[str], gains: Sequence[float], judged: Judgement) -> float:
        best = sorted(judged.grades.values(), reverse=True)[: judged.k or MAX_ENTRIES]
        return ndcg(gains, best, gain)

    return score


def _found(gains: Sequence[float]) -> int:
    return sum(gain > 0 for gain in gains)


def _average_precision(ids: Sequence[str], gains: Sequence[float], judged: Judgement) -> Fraction:
    ranks = [rank for rank, gain in enumerate(gains, 1) if gain]
    whole = min(len(judged.grades), judged.k or MAX_ENTRIES)
    return sum((Fraction(found, rank) for found, rank in enumerate(ranks, 1)), Fraction()) / whole


def _reciprocal_rank(ids: Sequence[str], gains: Sequence[float], judged: Judgement) -> Fraction:
    return next((Fraction(1, rank) for rank, gain in enumerate(gains, 1) if gain), Fraction())


_METRICS: Mapping[str, Callable[[Sequence[str], Sequence[float], Judgement], Fraction | float]] = {
    "ndcg": _ndcg(exponential),
    "ndcg_linear": _ndcg(float),
    "recall": lambda ids, gains, judged: Fraction(_found(gains), len(judged.grades)),
    "precision": lambda ids, gains, judged: Fraction(_found(gains), judged.k or len(ids)),
    "f1": lambda ids, gains, judged: Fraction(2 * _found(gains), len(ids) + len(judged.grades)),
    "ap": _average_precision,
    "mrr": _reciprocal_rank,
    "hit": lambda ids, gains, judged: Fraction(_found(gains) > 0),
    "success": lambda ids, gains, judged: Fraction(_found(gains) > 0),
    "completeness": lambda ids, gains, judged: Fraction(_found(gains) == len(judged.grades)),
    "multi_hop": lambda ids, gains, judged: Fraction(_found(gains), len(judged.grades)),
}


def _best(judged: Judgement) -> list[str]:
    return sorted(judged.grades, key=lambda id: -judged.grades[id])


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The relevant documents, the best first.

    Raises:
        DataError: The answer is of another shape, or no list can have a metric of 1.
    """
    metric = options.get("metric", "ndcg")
    judged = _judgement(answer, metric)
    known = len(judged.grades)
    if judged.k is not None and metric == "precision" and known < judged.k:
        raise DataError(f"precision at k = {judged.k} cannot be 1 with {known} relevant documents")
    if judged.k is not None and metric in ("recall", "f1", "completeness", "multi_hop") and known > judged.k:
        raise DataError(f"{metric} at k = {judged.k} cannot be 1 with {known} relevant documents")
    best = _best(judged)[: judged.k]
    return json.dumps({"answer": judged.answers[0], "evidence": best} if judged.answers else best)


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """In lines, in a block after thinking, and where order does not matter the other way round."""
    judged = _judgement(answer, options.get("metric", "ndcg"))
    ids = _best(judged)[: judged.k]
    if judged.answers:
        for text in judged.answers:
            yield "```json\n" + json.dumps({"evidence": ids[::-1], "answer": f' "{text}" '}) + "\n```"
        return
    yield f"<think>{ids[-1]}</think>\n```json\n{json.dumps(ids, indent=1)}\n```"
    if not ids[0].startswith("[") and all(id == id.strip() and len(id.splitlines()) == 1 for id in ids):
        yield "\n".join(ids)
        yield "\n".join(f"- {id}" for id in ids)
        yield "\n".join(f"{rank}. `{id}`" for rank, id in enumerate(ids, 1))
    if not str(options.get("metric", "ndcg")).startswith("ndcg"):
        yield json.dumps(ids[::-1])


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Other documents; and some of the right ones between others, where one is not enough."""
    judged = _judgement(answer, options.get("metric", "ndcg"))
    ids = _best(judged)[: judged.k]
    others = [id for id in (f"{id} (other {i})" for i, id in enumerate(ids)) if id not in judged.grades]
    yield {**answer, "relevant": others}
    if judged.answers:
        yield {**answer, "answer": max(judged.answers, key=len)[: MAX_ID - 1] + "x"}
    if options.get("metric", "ndcg") not in ("hit", "success", "mrr", "precision"):
        yield {**answer, "relevant": [*others[:1], *ids[1:]]}
