"""SCoRe's settings, and what each attempt is credited with, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agentrl import config as configs
from agentrl.collect.retry import FIRST, LATER
from agentrl.errors import ConfigError, UsageError
from agentrl.recipes import preset, presets, train
from agentrl.recipes.score import Config, Stage, attempt_rewards, credit, stage_of
from agentrl.types import Message, Node, Provenance, Rollout, Span, Task, Verdict

PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))


def test_every_preset_reads() -> None:
    assert presets("score") == ["no_bonus", "no_stage1", "score", "single_turn"]
    found = {name: configs.load_toml(preset("score", name), Config) for name in presets("score")}
    assert found["score"] == Config()
    assert (found["score"].alpha, found["score"].beta1, found["score"].beta2) == (10, 0.01, 0.1)
    assert (found["score"].objective.surrogate, found["score"].objective.kl_estimator) == ("reinforce", "k2")
    assert found["no_stage1"] == Config(stage1=0)
    assert found["no_bonus"] == Config(alpha=0)
    assert found["single_turn"] == Config(stage1=0, trained="first")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 1}, "needs tasks >= 1 and samples >= 2, got 16 and 1"),
        ({"sampling": {"top_p": 0.9}}, "top_p = 1: .* got temperature 1.0, top_p 0.9"),
        ({"sampling": {"temperature": 0.0}}, "temperature > 0"),
        ({"stage1": 1.5}, r"stage1 must be in \[0, 1\], got 1.5"),
        ({"gamma": -0.5}, r"gamma must be in \[0, 1\], got -0.5"),
        ({"reference_share": 2.0}, r"reference_share must be in \[0, 1\], got 2.0"),
        ({"alpha": -1.0}, "alpha must be 0 or more, got -1.0"),
        ({"beta1": float("nan")}, "beta1 must be 0 or more, got nan"),
        ({"beta2": float("inf")}, "beta2 must be 0 or more, got inf"),
        ({"trained": "first"}, "set stage1 and reference_share to 0"),
        ({"trained": "second"}, "trained"),
        ({"reference_share": 0.5, "model": {"lora": {"rank": 4}}}, "leave model.lora out"),
        ({"loop": {"splits": 2}}, "set loop.epochs and loop.splits to 1"),
        ({"alhpa": 1.0}, "did you mean 'alpha'"),
    ],
)
def test_bad_settings_name_themselves(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        configs.from_mapping(settings, Config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"id": "self_correction", "options": {"attempts": 3}}, "makes 2 attempts, and self_correction is set to 3"),
        ({"id": "service_desk"}, "makes 2 attempts, and service_desk is set to"),
    ],
)
def test_an_environment_without_two_attempts_leaves_no_run(env: Any, message: str, tmp_path: Any) -> None:
    with pytest.raises(UsageError, match=message):
        train("score", {"env": env}, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("scores", "second"), list(zip(PAIRS, (0, 11, -10, 1), strict=True)))
def test_the_second_attempts_reward(scores: tuple[int, int], second: int) -> None:
    assert attempt_rewards(scores, "II", alpha=10) == [scores[0], second]
    assert attempt_rewards(scores, "I", alpha=10) == [0, scores[1]]
    assert attempt_rewards(scores, "single", alpha=10) == [scores[0], 0]


@pytest.mark.parametrize(
    ("share", "stages"), [(0.5, "I I II II"), (0.0, "II II II II"), (1.0, "I I I I"), (0.25, "I II II II")]
)
def test_the_stage_follows_from_the_step(share: float, stages: str) -> None:
    config = configs.from_mapping({"stage1": share, "loop": {"steps": 4}}, Config)
    assert [stage_of(config, step) for step in range(4)] == stages.split()


def episode(scores: tuple[int, ...], sample: int, *, group: int = 0, lent: bool = False) -> Rollout:
    """Attempts of two tokens each, with what is said before them."""
    nodes: list[Node] = []
    for attempt, score in enumerate(scores):
        said = Message("user", "again" if attempt else "q")
        nodes.append(Node(len(nodes) - 1, said, (1, 2, 3), (False,) * 3, (0.0,) * 3))
        verdict = Verdict(float(score), "correct" if score else "incorrect", answer=f"{score}{sample}")
        own = not (lent and attempt == 0)
        span = Span(LATER if attempt else FIRST, 0, 2)
        number = -0.5 if own else 0.0
        nodes.append(
            Node(
                parent=len(nodes) - 1,
                message=Message("assistant", f"{score}"),
                token_ids=(5 + score, 9),
                drawn=(own,) * 2,
                logprobs=(number,) * 2,
                spans=(span, Span("word", 0, 1)),
                version=0,
                reward=float(score),
                verdict=verdict,
            )
        )
    at = Provenance("SelfCorrection", task_index=group, sample=sample)
    return Rollout(f"0/{group}/{sample}", Task.ask(f"t{group}", "q"), tuple(nodes), "done", at)


def rollouts(lent: int = -1) -> list[Rollout]:
    """Two groups: one of each outcome, and one of a single mind."""
    varied = [episode(pair, i, lent=i == lent) for i, pair in enumerate(PAIRS)]
    return varied + [episode((1, 1), i, group=1) for i in range(2)]


def advantages(config: Config, step: int, lent: int = -1) -> list[list[float]]:
    """Of each attempt: that of its tokens, which is one number."""
    batch, _ = credit(config, step, rollouts(lent), lambda ts: np.zeros((len(ts), 10)))
    assert batch is not None
    found = []
    for b, t in enumerate(batch.trajectories):
        assert not batch.adv_BT[b][~t.mask].any()
        attempts = [batch.adv_BT[b, : len(t)][t.mask & (t.turn == k)] for k in (0, 1)]
        assert all(len(set(a.tolist())) <= 1 for a in attempts)
        found.append([round(float(a[0]), 3) if len(a) else 0.0 for a in attempts])
    return found


CALM = [[0.0, 0.0]] * 2
LOOP = {"loop": {"steps": 2}}
HALVES = configs.from_mapping(LOOP, Config)


@pytest.mark.parametrize(
    ("config", "step", "expected"),
    [
        # returns 0, 1, 0, 1 of both attempts
        (HALVES, 0, [[-0.667, -0.667], [0.667, 0.667], [-0.667, -0.667], [0.667, 0.667]]),
        # returns 0, 11, -9, 2 and 0, 11, -10, 1: 11 - (0 - 9 + 2) / 3 = 13.333; 11 - (0 - 10 + 1) / 3 = 14
        (HALVES, 1, [[-1.333, -0.667], [13.333, 14.0], [-13.333, -14.0], [1.333, 0.667]]),
        (replace(HALVES, gamma=0.0), 1, [[-0.667, -0.667], [-0.667, 14.0], [0.667, -14.0], [0.667, 0.667]]),
        # returns 0, 1, 1, 2 and 0, 1, 0, 1
        (replace(HALVES, alpha=0.0), 1, [[-1.333, -0.667], [0.0, 0.667], [0.0, -0.667], [1.333, 0.667]]),
        (replace(HALVES, stage1=0.0, trained="first"), 0, [[-0.667, 0], [-0.667, 0], [0.667, 0], [0.667, 0]]),
    ],
)
def test_an_attempt_is_compared_with_the_same_attempt_of_its_group(config: Config, step: int, expected: Any) -> None:
    assert advantages(config, step) == [*expected, *CALM]


def test_a_lent_first_attempt_is_compared_with_none() -> None:
    """Its row keeps the second attempt; those of the others, 0, 11 and -9, are compared among themselves."""
    found = advantages(HALVES, 1, lent=3)
    assert found == [[-1.0, -0.667], [15.5, 14.0], [-14.5, -14.0], [0.0, 0.667], *CALM]
    batch, metrics = credit(HALVES, 1, rollouts(lent=3), lambda ts: np.zeros((len(ts), 10)))
    assert batch is not None
    assert (batch.weight_BT[3] > 0).sum() == 2
    assert (batch.weight_BT[2] > 0).sum() == 4
    assert metrics["lent"] == pytest.approx(1 / 6)
    assert metrics["acc@t1"] == pytest.approx((1 / 3 + 1) / 2)  # over tasks; the lent one is not the policy's


@pytest.mark.parametrize(
    ("config", "step", "first", "later"),
    [(HALVES, 0, 0.11, 0.01), (HALVES, 1, 0.01, 0.01), (replace(HALVES, beta1=0.0), 0, 0.1, 0.0)],
)
def test_the_divergence_is_weighed_by_attempt(config: Config, step: int, first: float, later: float) -> None:
    """On the environment's own segments as well: each attempt's first token is one."""
    batch, _ = credit(config, step, rollouts(), lambda ts: np.zeros((len(ts), 10)))
    assert batch is not None
    assert batch.kl_BT is not None
    for b, t in enumerate(batch.trajectories):
        assert batch.kl_BT[b][t.mask & (t.turn == 0)] == pytest.approx([first] * 2)
        assert batch.kl_BT[b][t.mask & (t.turn == 1)] == pytest.approx([later] * 2)


def test_the_bonus_is_logged_apart() -> None:
    """Of outcomes 01 and 01: each gains 10 in stage II, and nothing before."""
    gained = [episode((0, 1), i) for i in range(2)]
    bonus = [credit(HALVES, step, gained, lambda ts: np.zeros((len(ts), 10)))[1]["bonus"] for step in (0, 1)]
    assert bonus == [0, 10]


def test_without_a_divergence_the_reference_is_not_asked() -> None:
    free = replace(HALVES, beta1=0.0, beta2=0.0)
    batch, metrics = credit(free, 1, rollouts())
    assert batch is not None
    assert (batch.kl_BT, batch.ref_BT) == (None, None)
    assert not any(name.startswith("kl") for name in metrics)
    assert credit(free, 1, rollouts()[4:])[0] is None  # one mind, nothing to learn
    with pytest.raises(ValueError, match="needs the reference"):
        credit(HALVES, 1, rollouts())


def test_single_turn_learns_from_first_attempts_only() -> None:
    single = replace(HALVES, stage1=0.0, trained="first")
    batch, metrics = credit(single, 0, rollouts(), lambda ts: np.zeros((len(ts), 10)))
    assert batch is not None
    for b, t in enumerate(batch.trajectories):
        assert ((batch.weight_BT[b] > 0) == (t.mask & (t.turn == 0))).all()
    assert (metrics["stage"], metrics["bonus"]) == ("single", 0)


@pytest.mark.parametrize(("step", "stage"), [(0, "I"), (1, "II")])
def test_what_a_step_logs(step: int, stage: Stage) -> None:
    """Outcomes 00 01 10 11 and 11 11, in two tasks: figures are means over tasks."""
    reference = np.full((6, 10), -0.75)  # the sampler said -0.5
    _, metrics = credit(HALVES, step, rollouts(), lambda ts: reference)
    assert (metrics["stage"], metrics["bonus"], metrics["lent"]) == (stage, 0, 0)
    assert (metrics["acc@t1"], metrics["acc@t2"], metrics["delta(t1,t2)"]) == (0.75, 0.75, 0)
    assert (metrics["i->c(t1,t2)"], metrics["c->i(t1,t2)"]) == (0.125, 0.125)
    assert (metrics["answer changed(t1,t2)"], metrics["edit distance(t1,t2)"]) == (0.25, 0.25)
    assert (metrics["reward@t1"], metrics["reward@t2"]) == ((0, 4 / 6) if stage == "I" else (4 / 6, 4 / 6))
    assert (metrics["zero_variance@t1"], metrics["zero_variance@t2"]) == (0.5, 0.5)
    assert (metrics["kl_first_attempt"], metrics["kl_retry"]) == (0.25, 0.25)
    assert (metrics["groups"], metrics["dropped_groups"], metrics["length"]) == (2, 14, 4)


def test_an_attempt_that_was_not_made_leaves_the_others_as_they_are() -> None:
    """An episode may end at its first attempt, where the context is full."""
    short = [episode((0,), 0), *(episode(pair, i) for i, pair in enumerate(PAIRS[1:3], start=1))]
    batch, _ = credit(HALVES, 1, short, lambda ts: np.zeros((len(ts), 10)))
    assert batch is not None
    later = [batch.adv_BT[b, : len(t)][t.turn == 1][-1:].tolist() for b, t in enumerate(batch.trajectories)]
    assert later == [[], [21.0], [-21.0]]


@pytest.mark.parametrize("step", [0, 1])
def test_to_be_right_at_once_is_not_worth_less_than_to_be_so_at_last(step: int) -> None:
    """An environment that stops at the first right answer: the attempt not made counts as right, too."""
    early = [episode((1,), 0), episode((0, 1), 1), episode((0, 0), 2)]
    batch, metrics = credit(replace(HALVES, alpha=1.0), step, early, lambda ts: np.zeros((len(ts), 10)))
    assert batch is not None
    first = [float(batch.adv_BT[b, : len(t)][t.turn == 0][-1]) for b, t in enumerate(batch.trajectories)]
    assert first == ([0.5, 0.5, -1.0] if step == 0 else [1.0, 1.0, -2.0])
    assert metrics["acc@t2"] == pytest.approx(2 / 3)


def test_nothing_collected_is_nothing_learnt() -> None:
    assert credit(HALVES, 0, []) == (None, {"groups": 0, "dropped_groups": 16})
