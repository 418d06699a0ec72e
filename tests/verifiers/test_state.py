"""States: what must change, what must not, volatile fields, logs, and facts in the final message."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl import registry
from agentrl.golds import gold_problem, mutated_golds, rewritten_golds
from agentrl.types import SCORED, Message, Transcript, Verdict
from agentrl.verifiers import state
from agentrl.verifiers._tools.cases_state import ASK, ASSERT, CANCEL, MAIL, WRITE, end, shop


def grade(reply: str | Transcript, gold: Any) -> Verdict:
    return registry.grade("state", reply, gold)


def failed(reply: Transcript, gold: Any) -> set[str]:
    verdict = grade(reply, gold)
    assert verdict.status in ("correct", "incorrect")
    return {check.name for check in verdict.checks if not check.passed}


FULL = {
    "initial": shop(),
    "final": shop("cancelled", at="10:00"),
    "mask": ["orders/*/at"],
    "outputs": [
        {"type": "number", "value": 54.04, "abs": 0.001},
        {"type": "date", "value": "2024-05-06"},
        {"type": "id", "value": "#W7"},
        {"type": "text", "value": "gift card", "among": ["gift card", "credit card", "paypal"]},
    ],
    "events": {"required": [{"op": "refund"}], "forbidden": [{"op": "delete"}], "max_writes": 1},
}


@pytest.mark.parametrize("answer", [CANCEL, ASSERT, ASK, MAIL, FULL])
def test_golds_are_right_and_their_mutations_wrong(answer: Any) -> None:
    assert gold_problem("state", answer) == ""
    rewritten = list(rewritten_golds("state", answer))
    assert len(rewritten) >= 3
    for reply in rewritten:
        assert grade(reply, answer).status == "correct", reply
    mutated = list(mutated_golds("state", answer))
    assert len(mutated) >= (answer is not MAIL)
    for reply in mutated:
        assert grade(reply, answer).score == 0.0, reply


def test_doing_nothing_solves_no_task() -> None:
    """T1: such a task is refused, or it asks for something else."""
    for gold in (CANCEL, ASSERT, ASK, MAIL, FULL):
        assert grade(end(shop(), "Done.", []), gold).score == 0.0
        assert grade(end(shop(), "", []), gold).score == 0.0
    no_op = {"initial": shop(), "final": shop()}
    assert "doing nothing" in grade(end(shop()), no_op).feedback
    volatile = {"initial": shop(), "final": shop(at="10:00"), "mask": ["orders/*/at"]}
    assert "doing nothing" in gold_problem("state", volatile)
    held = {"initial": shop(), "assert": [{"path": "orders/7/status", "value": "open"}]}
    assert "doing nothing" in gold_problem("state", held)
    assert gold_problem("state", {**held, "outputs": [{"type": "number", "value": 1}]}) == ""


def test_rows_that_the_gold_leaves_alone_stay_as_they_were() -> None:
    right = shop("cancelled", at="10:00")
    assert failed(end(right), CANCEL) == set()
    touched = copy.deepcopy(right)
    touched["orders"]["8"]["at"] = "08:01"  # volatile, and still no reason to write this row
    assert failed(end(touched), CANCEL) == {"untouched"}
    for db in ({**right, "users": {}}, {**right, "x": 1}, {"orders": {**right["orders"], "9": {}}}):
        assert failed(end(db), CANCEL) == {"untouched"}
    less = {"orders": {"7": right["orders"]["7"]}}
    assert failed(end(less), CANCEL) == {"untouched"}
    assert failed(end({"orders": {}}), CANCEL) == {"state", "untouched"}


def test_a_row_may_be_volatile_as_a_whole() -> None:
    gold = {"initial": {"a": {"1": 1}, "clock": 5}, "final": {"a": {"1": 2}, "clock": 5}, "mask": ["clock"]}
    assert failed(end({"a": {"1": 2}, "clock": 99}), gold) == set()
    assert failed(end({"a": {"1": 2}, "clock": "junk"}), gold) == {"untouched"}
    assert failed(end({"a": {"1": 2}}), gold) == {"untouched"}


@pytest.mark.parametrize("junk", ["x" * 101, 5, None, True, ["10:00"], {"at": "10:00"}])
def test_nothing_hides_in_volatile_fields(junk: Any) -> None:
    """T5."""
    assert failed(end(shop("cancelled", at=junk)), CANCEL) == {"state"}
    more = shop("cancelled", at="10:00")
    more["orders"]["7"]["at2"] = junk
    assert failed(end(more), CANCEL) == {"state"}


def test_rows_are_made_and_removed() -> None:
    gold = {"initial": {"t": {"1": {"n": 1}, "2": {"n": 2}}}, "final": {"t": {"1": {"n": 1}, "3": {"n": 3}}}}
    assert failed(end(gold["final"]), gold) == set()
    assert failed(end({"t": {"1": {"n": 1}}}), gold) == {"state"}
    assert failed(end({"t": {"1": {"n": 1}, "2": {"n": 2}, "3": {"n": 3}}}), gold) == {"state"}
    assert failed(end({"t": {"1": {"n": 1}, "3": {"n": 3}, "4": {"n": 3}}}), gold) == {"untouched"}


def test_numbers_are_equal_but_for_noise_and_types_are_not() -> None:
    def gold(value: Any) -> Any:
        return {"initial": {"t": {"1": "old"}}, "final": {"t": {"1": value}}}

    def left(value: Any, wanted: Any) -> bool:
        return grade(end({"t": {"1": value}}), gold(wanted)).success

    assert left(0.1 + 0.2, 0.3)
    assert left(2.0, 2)
    assert left([1, {"b": 2, "a": 1}], [1, {"a": 1, "b": 2}])
    assert not left(0.30001, 0.3)
    assert not left(True, 1)
    assert not left("2", 2)
    assert not left("1.5", "15")
    assert not left([2, 1], [1, 2])
    assert not left(None, 0)
    assert not left({}, [])
    noisy = {"initial": {"t": {"1": 0.1, "2": 1}}, "final": {"t": {"1": 0.1, "2": 2}}}
    assert grade(end({"t": {"1": 0.1 + 1e-12, "2": 2}}), noisy).success


def test_assertions_name_places_and_guard_the_rest() -> None:
    gold = {
        "initial": shop() | {"carts": {"3": {}}},
        "assert": [
            {"path": "orders/7/status", "value": {"one_of": ["cancelled", "closed"]}},
            {"path": ["orders", "9"], "value": {"object": {"total": {"number": 5, "abs": 0.1}}}},
            {"path": "carts/3", "absent": True},
        ],
        "mask": ["orders/*/at"],
    }
    right = {"orders": {**shop("closed", at="12:00")["orders"], "9": {"total": 5.05}}, "carts": {}}
    assert gold_problem("state", gold) == ""
    assert failed(end(right), gold) == set()
    assert failed(end({**right, "carts": {"3": {}}}), gold) == {"state"}
    changed = copy.deepcopy(right)
    changed["orders"]["7"]["total"] = 0
    assert failed(end(changed), gold) == {"untouched"}
    changed = copy.deepcopy(right)
    changed["orders"]["7"]["note"] = "junk"
    assert failed(end(changed), gold) == {"untouched"}
    changed = copy.deepcopy(right)
    changed["orders"]["7"]["at"] = "junk" * 50
    assert failed(end(changed), gold) == {"untouched"}


@pytest.mark.parametrize("empty", [{}, []])
def test_only_an_empty_table_is_one(empty: Any) -> None:
    gold = {"initial": {"t": {"1": 1}, "e": empty}, "final": {"t": {"1": 2}, "e": empty}}
    others: list[Any] = ["table", "", [], {}, None, 0, [{}], {"0": {}}]
    for e in others:
        assert failed(end({"t": {"1": 2}, "e": e}), gold) == (set() if e == empty else {"untouched"}), e
    emptied = {"initial": {"t": {"1": 1}, "e": 5}, "final": {"t": {"1": 1}, "e": empty}}
    for e in others:
        assert grade(end({"t": {"1": 1}, "e": e}), emptied).success == (e == empty), e


def test_keys_are_texts() -> None:
    gold = {"initial": {"t": {"1": {"n": 1}}}, "final": {"t": {"1": {"n": 2}}}}
    for table in ({1: {"n": 2}}, {1: {"n": 7}, "1": {"n": 2}}, {"1": {"n": 2}, None: 1}):
        assert grade(end({"t": table}), gold).status == "malformed"
    numbers = {"initial": {"t": {7: {"n": 1}}}, "final": {"t": {7: {"n": 2}}}}
    assert "the key 7 is no text" in grade(end(numbers["final"]), numbers).feedback
    places = {"initial": {"t": {"1": 1}}, "assert": [{"path": ["t", 1], "value": 2}]}
    assert failed(end({"t": {"1": 2}}), places) == set()
    assert grade(end({"t": {1: 2}}), places).status == "malformed"


NEW_PLACES = [  # what is asserted, states that are right, states that are not
    ({"path": "u/1/n", "value": 5}, [{"u": {"1": {"n": 5}}}], [{"u": {"1": {"n": 5, "m": 1}}}, {"u": {}}]),
    ({"path": "u/1", "value": 5}, [{"u": {"1": 5}}], [{"u": {"1": 5, "2": 5}}, {"u": {"1": 5}, "*": {}}]),
    ({"path": "t/2/n", "value": 5}, [{"t": {"2": {"n": 5}}}], [{"t": {"2": {"n": 5, "m": {}}}}, {"t": {"2": {}}}]),
    ({"path": "t/1/a/b", "value": 5}, [{"t": {"1": {"n": 1, "a": {"b": 5}}}}], [{"t": {"1": {"a": {"b": 5}}}}]),
    ({"path": "u/1/n", "absent": True}, [], [{"u": {}}, {"u": {"1": {}}}, {"t": {"1": {}}}]),
]


@pytest.mark.parametrize(("wanted", "right", "wrong"), NEW_PLACES)
def test_assertions_on_new_places(wanted: dict[str, Any], right: list[Any], wrong: list[Any]) -> None:
    initial = {"t": {"1": {"n": 1}}}
    gold = {"initial": initial, "assert": [wanted], "events": {"required": [{"op": "look"}]}}
    assert gold_problem("state", gold) == ""

    def left(new: Any) -> set[str]:
        db = {**initial, **new} if "t" not in new else {"t": {**initial["t"], **new["t"]}}
        return failed(end(db, events=[{"op": "look"}]), gold)

    assert [left(db) for db in right] == [set()] * len(right)
    assert all(left(db) for db in wrong)


@pytest.mark.parametrize(
    "events",
    [
        [WRITE, {"op": "update", "path": "orders/8/status"}, {"op": "update", "path": "orders/8/status"}],
        [WRITE, {"op": "insert", "path": ["orders", "9"]}, {"op": "delete", "path": ["orders", "9"]}],
        [WRITE, {"op": "update", "path": "orders"}],
        [WRITE, {"op": "update"}],
        [WRITE, {"path": 7}],
        [WRITE, "junk"],
        [{"op": "update", "path": "orders/7", "value": {1, 2}}],
        [{"op": "update", "path": "orders/7", "value": float("nan")}],
        "junk",
    ],
)
def test_writing_and_undoing_shows_in_the_log(events: Any) -> None:
    """T5: the state is right in the end."""
    assert failed(end(shop("cancelled", at="10:00"), events=events), CANCEL) == {"events"}


def test_invariants_of_a_log() -> None:
    db = shop("cancelled", at="10:00")
    rules = {
        "required": [{"op": "mail", "to": "Ann"}, {"op": "mail"}],
        "forbidden": [{"op": "delete"}],
        "max_writes": 2,
    }
    gold = {**CANCEL, "events": {**rules, "allowed": [{"op": "log"}]}}
    mails = [{"op": "mail", "to": "Bob"}, {"op": "mail", "to": "ann"}]
    assert failed(end(db, events=[*mails, WRITE, WRITE, {"op": "log", "path": "log/1"}, {"op": "read"}]), gold) == set()
    assert failed(end(db, events=[*mails, WRITE, WRITE, WRITE]), gold) == {"events"}
    assert failed(end(db, events=[mails[1], WRITE]), gold) == {"events"}
    assert failed(end(db, events=[mails[0], mails[0], WRITE]), gold) == {"events"}
    assert failed(end(db, events=[*mails, WRITE, {"op": "delete", "path": "orders/7/x"}]), gold) == {"events"}
    assert failed(end(db), gold) == {"events"}
    assert failed(end(db, events=[*mails, *[{"op": "read"}] * 10_000]), gold) == {"events"}


def test_only_the_final_message_counts() -> None:
    """T2 over several messages, and in thoughts."""
    assert failed(end(shop(), "<think>It is 20.5.</think>Done."), ASK) == {"output 1"}
    turns = (Message("assistant", "20.5"), Message("user", "thanks"), Message("assistant", "You are welcome."))
    reply = Transcript(turns, {"db": shop()})
    assert failed(reply, ASK) == {"output 1"}
    assert failed(reply, {**ASK, "outputs_from": "all"}) == set()
    told = Transcript((Message("user", "is it 20.5?"), Message("tool", "20.5")), {"db": shop()})
    assert failed(told, {**ASK, "outputs_from": "all"}) == {"output 1"}


INVALID: list[tuple[Any, str]] = [
    (None, "must be a mapping"),
    ({"initial": {}}, "either final or assert"),
    ({**CANCEL, "assert": []}, "either final or assert"),
    ({"initial": [], "final": {}}, "initial must be"),
    ({"initial": {}, "final": None}, "final must be"),
    ({**CANCEL, "masks": []}, "did you mean 'mask'"),
    ({**CANCEL, "mask": "orders"}, "list of paths"),
    ({**CANCEL, "row_depth": 0}, "row_depth must"),
    ({**CANCEL, "outputs": [{"type": "money"}]}, "type must be one of"),
    ({**CANCEL, "outputs": [{"type": ["number"], "value": 1}]}, "type must be one of"),
    ({**CANCEL, "outputs": [{"type": "number"}]}, "needs a value"),
    ({**CANCEL, "outputs": [{"type": "text", "value": "gold"}]}, "needs among"),
    ({**CANCEL, "outputs": [{"type": "text", "value": "gold", "among": ["Gold"]}]}, "not the right one"),
    ({**CANCEL, "outputs": [{"type": "id", "value": "two words"}]}, "one word with a digit"),
    ({**CANCEL, "outputs": [{"type": "number", "value": 1, "max_candidates": 0}]}, "max_candidates"),
    ({**CANCEL, "outputs_from": "first"}, "outputs_from"),
    ({**CANCEL, "events": {"require": []}}, "events takes"),
    ({**CANCEL, "events": {"required": [{}]}}, "none empty"),
    ({**ASSERT, "assert": [{"path": "orders/*/x", "value": 1}]}, "one place"),
    ({**ASSERT, "assert": [{"path": "orders/7"}]}, "either a value or absent"),
    ({"initial": {"t": {"1": float("nan")}}, "final": {}}, "no JSON value"),
]


@pytest.mark.parametrize(("gold", "reason"), INVALID)
def test_a_gold_of_the_wrong_shape_says_why(gold: Any, reason: str) -> None:
    verdict = grade(end(shop()), gold)
    assert verdict.status == "task_invalid"
    assert reason in verdict.feedback
    assert reason in gold_problem("state", gold)


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", [float("inf"), {1, 2}, b"x", object(), deep(100), deep(100_000), {(1, 2): 3}])
def test_a_state_that_is_no_json_is_malformed(value: Any) -> None:
    db = shop("cancelled", at="10:00")
    db["orders"]["7"]["x"] = value
    assert grade(end(db), CANCEL).status == "malformed"
    assert grade(end({**shop("cancelled"), "new": {"1": value}}), CANCEL).status in ("malformed", "incorrect")


@pytest.mark.parametrize("db", [None, [], "x", 5])
def test_without_a_state_there_is_no_answer(db: Any) -> None:
    assert grade(end(db), CANCEL).status == "no_answer"
    assert grade(Transcript((Message("assistant", "Done."),)), CANCEL).status == "no_answer"


def test_a_long_message_is_malformed() -> None:
    assert grade(end(shop(), "1 " * 20_000), ASK).status == "malformed"


def test_the_verdict_does_not_tell_the_answer() -> None:
    gold = {
        "initial": shop(),
        "final": shop("Xq7Zanswer"),
        "outputs": [{"type": "number", "value": 918273645}, {"type": "id", "value": "Xq7Zanswer"}],
    }
    for reply in (end(shop()), end(shop("other")), end({}), end(shop(), events=[WRITE])):
        shown = repr(grade(reply, gold))
        assert "Xq7Zanswer" not in shown
        assert "918273645" not in shown


def test_equal_changes_have_one_name() -> None:
    names = {grade(end(db), CANCEL).answer for db in (shop("cancelled"), shop("cancelled", at="11:00"))}
    assert len(names) == 1
    assert grade(end(shop("closed")), CANCEL).answer not in names


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=4)
ROWS = st.dictionaries(st.sampled_from("abc"), SCALARS, max_size=3)
STATES = st.dictionaries(
    st.sampled_from(["t", "u"]), st.dictionaries(st.sampled_from("123"), ROWS, max_size=3), max_size=2
)


@settings(max_examples=100, deadline=None)
@given(STATES, STATES, STATES)
def test_a_state_is_right_only_if_it_is_the_final_one(initial: Any, final: Any, left: Any) -> None:
    gold = {"initial": initial, "final": final, "outputs": [{"type": "number", "value": 1}]}
    assert grade(end(final, "It is 1."), gold).success
    equal = json.dumps(left, sort_keys=True) == json.dumps(final, sort_keys=True)
    if equal or not grade(end(left, "It is 1."), gold).success:
        return
    rounded = [json.loads(json.dumps(db), parse_float=lambda text: round(float(text), 6)) for db in (left, final)]
    assert rounded[0] == rounded[1]  # they differ by noise only


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=100), st.sampled_from([ASK, FULL]))
def test_no_text_raises(text: str, gold: Any) -> None:
    verdict = grade(end(shop(), text, []), gold)
    assert verdict.status in SCORED
    assert verdict.score in (0.0, 1.0)


@pytest.mark.parametrize("gold", [CANCEL, ASSERT, ASK, MAIL, FULL])
def test_constant_policies_score_nothing(gold: Any) -> None:
    noise = "".join(random.Random(0).choice("0123456789 #W.,-/") for _ in range(10_000))
    for said in ("", "Cancel order 7.", "0", noise):
        assert grade(said, gold).score == 0.0
        assert grade(end(shop(), said, []), gold).score == 0.0


def test_the_card_names_the_table() -> None:
    assert len(state.CASES) > 20
