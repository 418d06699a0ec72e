"""Norms in the shop: labels that mislead, requests that break a rule, and the rates over rollouts."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

import agentrl
from agentrl.envs._shop.norms import judge_declined
from agentrl.envs._shop.plan import shopping
from agentrl.envs._shop.rules import RULES
from agentrl.envs.shop import NOTE_DECLINE, Shop, norm_rates
from agentrl.policies.script import Script
from agentrl.types import Message, Rollout, Split, Task, Verdict


def make(**options: object) -> Shop:
    env = agentrl.make("shop", **options)
    assert isinstance(env, Shop)
    return env


def play(env: Shop, task: Task, replies: Sequence[str | Message]) -> Verdict:
    env.reset(options={"task": task})
    for reply in replies:
        *_, info = env.step(reply)
    found = info["verdict"]
    assert isinstance(found, Verdict)
    return found


def passed(verdict: Verdict) -> dict[str, bool]:
    return {check.name: check.passed for check in verdict.checks}


def wrong_marks(task: Task) -> Iterator[str]:
    """Marked products that do not meet the goal."""
    return (asin for asin in task.data["marks"] if asin != task.answer["asin"])


def buying(task: Task, asin: str) -> list[str]:
    return [f"search[{task.data['query']}]", f"click[{asin}]", "click[Buy Now]"]


def test_marked_products_are_seen() -> None:
    env = make(norms="misleading")
    for task in [*env.all_tasks("test")[:30], *env.all_tasks("train")[:30]]:
        marks = task.data["marks"]
        assert len(marks) == 3
        env.reset(options={"task": task})
        page = env.step(f"search[{task.data['query']}]")[0][0].content
        for asin, mark in marks.items():
            assert mark["badge"] in page
            assert mark["badge"] in env.step(f"click[{asin}]")[0][0].content
            assert mark["note"] in env.step("click[Description]")[0][0].content
            env.step("click[< Prev]")
            env.step("click[< Prev]")
        assert play(env, task, env.gold(task)).success
        strict = play(make(norms="misleading", reward="strict"), task, env.gold(task))
        assert strict.success
        assert passed(strict)["kept"]


def test_a_mark_does_not_tell_whether_a_product_is_right() -> None:
    tasks = make(norms="misleading").all_tasks("test")[:300]
    assert statistics.mean(t.answer["asin"] in t.data["marks"] for t in tasks) == pytest.approx(0.3, abs=0.07)


def test_who_follows_a_wrong_label_earns_nothing() -> None:
    env = make(norms="misleading", reward="webshop")
    for task in env.all_tasks("test")[:20]:
        for asin in wrong_marks(task):
            verdict = play(env, task, buying(task, asin))
            assert (verdict.score, verdict.status, passed(verdict)["kept"]) == (0.0, "incorrect", False)
            assert not passed(verdict)["strict"]


def test_marks_are_drawn_for_tasks_and_shown_in_no_others() -> None:
    env = make(norms="misleading")
    assert env.all_tasks("test")[3] == make(norms="misleading").all_tasks("test")[3]
    plain = make()
    task = plain.all_tasks("test")[0]
    assert "marks" not in task.data
    badges = {mark["badge"] for t in env.all_tasks("test")[:30] for mark in t.data["marks"].values()}
    assert len(badges) == 5
    plain.reset(options={"task": task})
    assert not any(badge in plain.step("search[lamp]")[0][0].content for badge in badges)


def harmful(env: Shop, count: int) -> list[Task]:
    return [task for task in env.all_tasks("train")[: 4 * count] if "harm" in task.data][:count]


@pytest.mark.parametrize("split", ["train", "test"])
def test_half_of_the_requests_break_a_rule_and_the_others_look_alike(split: Split) -> None:
    env = make(norms="requests")
    tasks = env.all_tasks(split)[:400]
    counts = Counter(
        (*task.data.keys() & {"harm", "near"}, task.data.get("harm") or task.data["near"]) for task in tasks
    )
    assert set(counts) == {(kind, name) for kind in ("harm", "near") for name in RULES}
    assert 160 < sum(count for (kind, _), count in counts.items() if kind == "harm") < 240
    for task in tasks[:100]:
        said = RULES[task.data.get("harm") or task.data["near"]]
        among = said.broken if "harm" in task.data else said.kept
        assert task.data["instruction"].endswith(among[split])
        for name, rule in RULES.items():
            assert f"\n{name}: {rule.text}\n" in task.prompt[0].content
    assert "decline[" not in make().all_tasks("train")[0].prompt[0].content


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_as_many_requests_of_both_sorts_and_others_in_each_split(name: str) -> None:
    rule = RULES[name]
    splits: tuple[Split, ...] = ("train", "test")
    assert [len(rule.broken[split]) for split in splits] == [len(rule.kept[split]) for split in splits] == [3, 2]
    assert len({text for said in (rule.broken, rule.kept) for split in splits for text in said[split]}) == 10


def test_declining_is_right_by_the_broken_rule_only() -> None:
    env = make(norms="requests")
    for task in harmful(env, 20):
        verdict = play(env, task, env.gold(task))
        assert verdict.success
        assert all(passed(verdict).values())
        for name in set(RULES) - {task.data["harm"]}:
            verdict = play(env, task, [f"decline[{name}]"])
            assert (verdict.score, verdict.status, passed(verdict)["aware"]) == (0.0, "incorrect", False)
    near = next(task for task in env.all_tasks("train") if "near" in task.data)
    assert play(env, near, env.gold(near)).success
    for name in RULES:
        verdict = play(env, near, [f"decline[{name}]"])
        assert (verdict.score, verdict.status) == (0.0, "incorrect")


def test_a_purchase_for_a_request_that_breaks_a_rule_earns_nothing() -> None:
    env = make(norms="requests", reward="webshop")
    for task in harmful(env, 10):
        harmless = replace(task, data={key: value for key, value in task.data.items() if key != "harm"})
        assert play(env, harmless, env.gold(harmless)).success
        verdict = play(env, task, env.gold(harmless))
        assert (verdict.score, verdict.status, passed(verdict)["kept"]) == (0.0, "incorrect", False)


@pytest.mark.parametrize(
    "what", ["", ", ".join(RULES), "counterfeit mockery", "counterfeit.", "rule", "I cannot buy this", "{}"]
)
def test_what_is_no_rule_is_no_action(what: str) -> None:
    env = make(norms="requests")
    env.reset(options={"task": harmful(env, 1)[0]})
    messages, reward, terminated, _, info = env.step(f"decline[{what}]")
    assert messages[0].content.startswith(NOTE_DECLINE)
    assert (reward, terminated, info["verdict"]) == (0.0, False, None)


def test_who_always_does_the_same_earns_little() -> None:
    """The numbers on the card, and chance: one of six rules for half of the tasks."""
    env = make(norms="requests")
    tasks = env.all_tasks("test")[:300]
    by_rule = [statistics.mean(play(env, task, [f"decline[{name}]"]).score for task in tasks) for name in RULES]
    assert max(by_rule) < 1 / len(RULES)
    assert sum(by_rule) == pytest.approx(0.5, abs=0.1)
    bought = [play(env, task, shopping(env.catalogue, task.answer, task.data["query"])).score for task in tasks[:100]]
    assert statistics.mean(bought) == pytest.approx(0.5, abs=0.12)
    assert statistics.mean(play(env, task, env.gold(task)).score for task in tasks[:100]) == 1
    assert play(env, tasks[0], [""] * env.max_turns).score == 0


@pytest.mark.parametrize("name", RULES)
def test_how_a_rule_may_be_written(name: str) -> None:
    env = make(norms="requests")
    task = replace(harmful(env, 1)[0], data={"instruction": "x", "query": "x", "harm": name})
    for reply in (f"Decline[ {name.upper()} ]", f"I cannot do that.\nAction: decline[{name}]."):
        assert play(env, task, [reply]).success
    assert judge_declined(name, name).answer == name


def test_declining_is_an_action_of_requests_only() -> None:
    for norms in ("none", "misleading"):
        env = make(norms=norms)
        env.reset(seed=0)
        assert env.step("decline[mockery]")[0][0].content.startswith("Invalid action")


def rollouts(env: Shop, say: Mapping[str, Sequence[str]], n: int) -> list[Rollout]:
    def reply(messages: Sequence[Message]) -> str:
        return str(say[messages[1].content][sum(m.role == "assistant" for m in messages)])

    return agentrl.rollout(env, Script(reply), n=n)


def test_rates_of_requests() -> None:
    env = make(norms="requests", count=40)
    tasks = env.all_tasks("test")
    gold = {task.prompt[-1].content: [*map(str, env.gold(task))] for task in tasks}
    good = rollouts(env, gold, 40)
    rates = norm_rates(good)
    assert rates.rollouts == 40
    assert (rates.awareness, rates.helpfulness, rates.violation) == (1.0, 1.0, 0.0)
    one = norm_rates(rollouts(env, {page: ["decline[mockery]"] for page in gold}, 40))
    assert 0 < one.awareness < 0.5
    assert (one.helpfulness, one.violation) == (0.0, 0.0)
    buys = {t.prompt[-1].content: [*shopping(env.catalogue, t.answer, t.data["query"])] for t in tasks}
    bought = norm_rates(rollouts(env, buys, 40))
    assert (bought.awareness, bought.helpfulness, bought.violation) == (0.0, 1.0, 1.0)
    plain = make(count=5)
    gold = {task.prompt[-1].content: [*map(str, plain.gold(task))] for task in plain.all_tasks("test")}
    assert norm_rates(rollouts(plain, gold, 5)).rollouts == 0


def test_rates_of_labels() -> None:
    env = make(norms="misleading", count=20)
    gold, misled, vague = {}, {}, {}
    for task in env.all_tasks("test"):
        *before, last = map(str, env.gold(task))
        page, asin = task.prompt[-1].content, next(wrong_marks(task))
        gold[page] = [*before, f"The badge of {asin} looks misleading.\n{last}"]
        vague[page] = [*before, f"The badge on the others looks misleading.\n{last}"]
        misled[page] = buying(task, asin)
    good, bad = norm_rates(rollouts(env, gold, 20)), norm_rates(rollouts(env, misled, 20))
    assert (good.rollouts, good.awareness, good.helpfulness, good.violation) == (20, 1.0, 1.0, 0.0)
    assert (bad.rollouts, bad.awareness, bad.helpfulness, bad.violation) == (20, 0.0, 0.0, 1.0)
    said = norm_rates(rollouts(env, vague, 20))
    assert (said.awareness, said.helpfulness) == (0.0, 1.0)
