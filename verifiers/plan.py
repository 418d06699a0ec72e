r"""A journey's plan by ids, against thirteen constraints of common sense and of the request.

The reply after its thinking, or its one fenced block, is a JSON list of days with exactly these keys:

    [{"day": 1, "city": {"from": "Ames", "to": "Bow"}, "transport": {"flight": "F1", "date": "2022-03-16"},
      "breakfast": null, "lunch": null, "dinner": "Bistro", "attractions": [], "accommodation": "Loft"},
     {"day": 2, "city": "Bow", "transport": null, "breakfast": "Diner", "lunch": "Tandoor", "dinner": "Grill",
      "attractions": ["Museum", "Park"], "accommodation": "Loft"},
     {"day": 3, "city": {"from": "Bow", "to": "Ames"}, "transport": {"taxi": {"from": "Bow", "to": "Ames"}},
      "breakfast": null, "lunch": null, "dinner": null, "attractions": [], "accommodation": null}]

Ids are those of the world's tables. Transport is a flight by id and date, a "drive" or a "taxi" with from and to, or
null. `city` has from and to on a day of travel; `accommodation` is for the night after the day. The task's `answer`:

    {"query": {"origin", "destination", "dates": [one a day], "people", "cities": how many to visit, "budget",
               "constraints": {"house_rule", "room_type", "cuisines": [...], "transport"}},
     "world": {"cities": {city: state}, "flights": [{"id", "date", "from", "to", "price"}],
               "drives" and "taxis": [{"from", "to", "cost"}], "restaurants": [{"id", "city", "cost", "cuisines"}],
               "attractions": [{"id", "city"}],
               "accommodations": [{"id", "city", "price", "room_type", "forbids", "min_nights", "max_people"}]},
     "plan": a plan that is right, if one is known}

The world may stand in `task.data["world"]`. Each constraint may be left out or null: house_rule is one of smoking,
parties, children under 10, visitors, pets (what rooms must allow; `forbids` lists what they do not), room_type one of
shared room, private room, entire room, not shared room, and transport one of no flight, no self-driving.

Eight commonsense checks always apply: everything exists (flights on their date), the plan is complete, everything is
in the city of its day, the route is reasonable, restaurants and attractions differ, transport does not conflict, stays
are not too short. Of the five hard checks the budget always applies, and room rule, room type, cuisine and transport
where the query asks. They are judged only if everything exists and the plan is complete, and count as failed else, so
that the number of checks is known before the plan is read. `_plan/rates.py` pools many plans.

Source: TravelPlanner (arXiv:2402.01622), github.com/OSU-NLP-Group/TravelPlanner at da7c1d4. Differs from the source:
ids are exact, where names were matched by substring and the first row's price was taken; every attraction counts,
whatever its separator; a meal's city is the row's, not any that shares a letter; a flight is of its date; what does not
exist has no price instead of 0; each day begins where the last one ended; a journey of three days goes to the city
that was asked for; a check is not kept by leaving its matter out, so that an empty plan passes none; cuisines are
whole names.

Covered: one plan for one group. Not covered: times of day, opening hours, plans in prose, finding a plan: the gold of a
task without `plan` is not checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Check, Task, Transcript, Verdict
from agentrl.verifiers._plan.cases import CASES
from agentrl.verifiers._plan.rates import Assessment, assess
from agentrl.verifiers._plan.reading import MEALS, PlanError, read_plan
from agentrl.verifiers._plan.world import Query, World, WorldError, read_query, read_world

__all__ = ["CASES", "assessment", "gold", "mutations", "rewrites", "verify"]

Reward = Literal["final", "micro", "gated"]


def verify(task: Task, transcript: Transcript, *, reward: Reward = "final") -> Verdict:
    """Run every check on the plan in the reply.

    Args:
        task: Its `answer` is the query and the world; see the module.
        transcript: The last assistant message holds the plan.
        reward: "final": 1 if all checks pass, else 0. "micro": the share of all applicable checks. "gated": 0 where
            something does not exist or the plan is not complete, else the share of the commonsense checks times that
            of the hard ones.

    Raises:
        ConfigError: There is no such reward; no reply raises.
    """
    check_choice("reward", reward, get_args(Reward))
    try:
        query, world = _problem(task.answer, task.data)
    except WorldError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task cannot be scored: {error}.")
    try:
        plan = read_plan(transcript.reply)
    except PlanError as error:
        nothing = assess(query, world, ())
        return Verdict(0.0, "malformed", checks=_checks(nothing), feedback=f"The reply is no plan: {error}."[:300])
    found = assess(query, world, plan)
    checks = _checks(found)
    if not found.delivered:
        return Verdict(0.0, "no_answer", checks=checks, feedback="The reply holds no plan.")
    score = _score(found, reward)
    status: Literal["correct", "partial", "incorrect"]
    status = "correct" if score == 1 else "partial" if score else "incorrect"
    wrong = [check for check in checks if not check.passed]
    first = f"{len(wrong)} of {len(checks)} checks fail; {wrong[0].name}: {wrong[0].detail}." if wrong else ""
    return Verdict(float(score), status, f"{len(plan)} days", checks, first[:300])


def assessment(task: Task, transcript: Transcript) -> Assessment:
    """All checks of one reply, for the pass rates of many (`agentrl.verifiers._plan.rates`).

    Raises:
        DataError: The task has no usable query or world.
    """
    try:
        query, world = _problem(task.answer, task.data)
    except WorldError as error:
        raise DataError(str(error)) from None
    try:
        return assess(query, world, read_plan(transcript.reply))
    except PlanError:
        return assess(query, world, ())


def _problem(answer: Any, data: Mapping[str, Any]) -> tuple[Query, World]:
    if not isinstance(answer, Mapping):
        raise WorldError('the answer must be {"query": {...}, "world": {...}}')
    world = answer.get("world")
    return read_query(answer.get("query")), read_world(data.get("world") if world is None else world)


def _checks(found: Assessment) -> tuple[Check, ...]:
    parts = (("commonsense", found.commonsense), ("hard", found.hard))
    return tuple(
        Check(f"{kind} {name}", outcome.passed, detail=outcome.witness)
        for kind, outcomes in parts
        for name, outcome in outcomes.items()
    )


def _score(found: Assessment, reward: Reward) -> Fraction:
    if reward == "micro":
        return found.micro
    if reward == "gated":
        return found.commonsense_share * found.hard_share if found.opened else Fraction(0)
    return Fraction(found.final)


def gold(answer: Any, options: Mapping[str, Any]) -> str | None:
    """The plan that comes with the answer, if one does.

    Raises:
        DataError: The query or the world is of another shape.
    """
    try:
        _problem(answer, {})
    except WorldError as error:
        raise DataError(str(error)) from None
    return json.dumps(answer["plan"]) if answer.get("plan") else None


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """The same plan in a block after thinking, and with its keys in another order."""
    if answer.get("plan"):
        yield f"<think>[]</think>My plan:\n\n```json\n{json.dumps(answer['plan'], indent=2)}\n```\n"
        yield json.dumps([dict(reversed(day.items())) for day in answer["plan"]], ensure_ascii=False)


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Plans without the last day, without a way there, with a bed that does not exist, and with one meal only."""
    plan = answer.get("plan")
    if not plan:
        return
    yield {**answer, "plan": plan[:-1]}
    yield {**answer, "plan": [{**plan[0], "transport": None}, *plan[1:]]}
    yield {**answer, "plan": [{**plan[0], "accommodation": "no such place (qqzx)"}, *plan[1:]]}
    meal = next((day[name] for day in plan for name in MEALS if day[name] is not None), None)
    yield {**answer, "plan": [{**day, **dict.fromkeys(MEALS, meal)} for day in plan]}
