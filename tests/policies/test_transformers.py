"""The policy over a model: requests that meet, leave, fail; weights that change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM, PreTrainedModel

from agentrl.environment import MultiTurnEnv
from agentrl.episodes import Plan, Sampling, collect, copies, run_sync
from agentrl.errors import ConfigError, UsageError
from agentrl.policies.transformers import TransformersPolicy
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Sample, SampleRequest, Split, Task, Verdict

Open = Callable[..., TransformersPolicy]


def request(key: int = 0, max_tokens: int = 6, prompt: str = "hello") -> SampleRequest:
    return SampleRequest(tuple(prompt.encode()), max_tokens, key=(key,))


async def ask(policy: TransformersPolicy, *requests: SampleRequest) -> list[Sample]:
    return await asyncio.gather(*(policy.sample(r) for r in requests))


def test_what_is_drawn_does_not_depend_on_the_company(tiny: TransformersPolicy) -> None:
    alone = [run_sync(ask(tiny, request(k)))[0] for k in range(4)]
    together = run_sync(ask(tiny, *(request(k) for k in range(4)), request(9, 20, "something else")))
    assert [s.token_ids for s in together[:4]] == [s.token_ids for s in alone]
    assert len({s.token_ids for s in alone}) == 4
    for a, b in zip(alone, together, strict=False):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)


def test_a_sample_says_why_it_ended_and_who_drew_it(tiny: TransformersPolicy) -> None:
    free = run_sync(ask(tiny, request(max_tokens=30)))[0]
    assert (free.stop, free.version, len(free.logprobs)) == ("length", 0, 30)
    assert free.sampler_logprobs == free.logprobs
    tiny.engine.eos_ids = frozenset({free.token_ids[4]})
    ended = run_sync(ask(tiny, request(max_tokens=30)))[0]
    assert ended.stop == "eos"
    assert ended.token_ids == free.token_ids[: free.token_ids.index(free.token_ids[4]) + 1]


def test_more_requests_than_rows_wait_their_turn(
    llama: PreTrainedModel, open_tiny: Open, tiny: TransformersPolicy
) -> None:
    narrow = open_tiny(llama, max_rows=2)
    asked = [request(k) for k in range(7)]
    assert [s.token_ids for s in run_sync(ask(narrow, *asked))] == [s.token_ids for s in run_sync(ask(tiny, *asked))]
    assert narrow.engine.decode_slots == tiny.engine.decode_slots


def test_a_cancelled_request_frees_its_row_and_leaves_the_others_alone(tiny: TransformersPolicy) -> None:
    alone = run_sync(ask(tiny, request(1, 40)))[0]
    tiny.engine.decode_slots = 0

    async def scene() -> Sample:
        doomed = asyncio.ensure_future(tiny.sample(request(0, 400)))
        other = asyncio.ensure_future(tiny.sample(request(1, 40)))
        while tiny.engine.decode_slots < 6:
            await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        return await other

    survivor = run_sync(scene())
    assert survivor.token_ids == alone.token_ids
    assert tiny.engine.rows == []
    assert tiny.engine.decode_slots < 2 * 40 + 10


def test_a_loop_that_dies_in_the_middle_leaves_a_usable_policy(tiny: TransformersPolicy) -> None:
    expected = run_sync(ask(tiny, request(3)))

    async def dies() -> None:
        for key in range(5):
            asyncio.ensure_future(tiny.sample(request(key, 300)))  # noqa: RUF006  # the end of the loop cancels it
        while tiny.engine.decode_slots < 40:
            await asyncio.sleep(0)
        raise ZeroDivisionError

    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            run_sync(dies())
        assert run_sync(ask(tiny, request(3))) == expected
        tiny.engine.decode_slots = 0
    tiny.load(dict(tiny.model.named_parameters()), 1)


def test_a_loop_that_dies_while_the_model_runs_leaves_no_rows(
    tiny: TransformersPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run_sync(ask(tiny, request(3)))
    inside, go, prefill = threading.Event(), threading.Event(), tiny.engine._prefill

    def slow(prompts: Any) -> Any:
        inside.set()
        assert go.wait(30)
        return prefill(prompts)

    async def dies() -> None:
        asyncio.ensure_future(tiny.sample(request(0, 300)))  # noqa: RUF006  # the end of the loop cancels it
        while not inside.is_set():
            await asyncio.sleep(0)
        raise ZeroDivisionError

    monkeypatch.setattr(tiny.engine, "_prefill", slow)
    with pytest.raises(ZeroDivisionError):
        run_sync(dies())
    go.set()
    assert run_sync(ask(tiny, request(3))) == expected
    assert tiny.engine.rows == []


def test_an_error_in_the_model_reaches_everyone_who_waits(
    tiny: TransformersPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run_sync(ask(tiny, request()))

    def broken(**_: object) -> None:
        time.sleep(0.01)
        raise ZeroDivisionError("the model broke")

    async def scene() -> list[Sample | BaseException]:
        early = [asyncio.ensure_future(tiny.sample(request(k))) for k in range(3)]
        await asyncio.sleep(0.001)
        late = asyncio.ensure_future(tiny.sample(request(9)))
        return await asyncio.gather(*early, late, return_exceptions=True)

    with monkeypatch.context() as patch:
        patch.setattr(tiny.engine, "model", broken)
        patch.setattr(type(tiny.engine), "_device", torch.device("cpu"))
        broken.config = tiny.model.config  # type: ignore[attr-defined]
        assert [repr(r) for r in run_sync(scene())] == ["ZeroDivisionError('the model broke')"] * 4
    assert run_sync(ask(tiny, request())) == expected


# Requests that cannot be.


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (SampleRequest((), 5), "needs a prompt"),
        (SampleRequest((1,), 0), "max_tokens >= 1"),
        (SampleRequest((1,) * 500, 13), "do not fit the context of 512"),
    ],
)
def test_a_request_that_cannot_be_fails_alone(tiny: TransformersPolicy, bad: SampleRequest, message: str) -> None:
    async def scene() -> tuple[Sample | BaseException, ...]:
        return await asyncio.gather(tiny.sample(bad), tiny.sample(request()), return_exceptions=True)

    refused, fine = run_sync(scene())
    assert isinstance(refused, UsageError)
    assert message in str(refused)
    assert isinstance(fine, Sample)


def test_the_context_can_be_filled_to_its_end(tiny: TransformersPolicy) -> None:
    sample = run_sync(ask(tiny, SampleRequest((1,) * 500, 12)))[0]
    assert sample.stop in ("length", "eos")


def test_closing_twice_is_fine_and_a_closed_policy_refuses(tiny: TransformersPolicy) -> None:
    run_sync(ask(tiny, request()))
    tiny.close()
    tiny.close()
    with pytest.raises(UsageError, match="closed"):
        run_sync(ask(tiny, request()))


def test_a_recurrent_model_is_refused() -> None:
    model = MambaForCausalLM(MambaConfig(vocab_size=258, hidden_size=16, num_hidden_layers=1))
    with pytest.raises(ConfigError, match="recurrent"):
        TransformersPolicy(model, Renderer(ByteTokenizer()))


# Weights.


def weights(policy: TransformersPolicy) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in policy.model.named_parameters()}


def test_new_weights_change_what_is_drawn_and_the_version(tiny: TransformersPolicy) -> None:
    before = run_sync(ask(tiny, request()))[0]
    old = weights(tiny)
    tiny.load({name: -w for name, w in old.items()}, 5)
    after = run_sync(ask(tiny, request()))[0]
    assert (before.version, after.version) == (0, 5)
    assert before.token_ids != after.token_ids
    tiny.load({name: w.double() for name, w in old.items()}, 6)
    assert run_sync(ask(tiny, request()))[0].logprobs == before.logprobs


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_another_models_weights_are_refused_and_nothing_changes(tiny: TransformersPolicy, fault: str) -> None:
    old, new = weights(tiny), {name: -w for name, w in weights(tiny).items()}
    last = list(new)[-1]
    if fault == "missing":
        del new[last]
    elif fault == "unknown":
        new["model.layers.9.mlp.weight"] = torch.zeros(1)
    else:
        new[last] = new[last][:1]
    with pytest.raises(ConfigError, match="weights"):
        tiny.load(new, 1)
    assert all(torch.equal(p, old[name]) for name, p in tiny.model.named_parameters())
    assert tiny.version == 0


def test_weights_cannot_change_while_requests_are_under_way(tiny: TransformersPolicy) -> None:
    async def scene() -> Sample:
        sample = asyncio.ensure_future(tiny.sample(request()))
        await asyncio.sleep(0)
        with pytest.raises(ConfigError, match="under way"):
            tiny.load(weights(tiny), 1)
        return await sample

    assert run_sync(scene()).version == 0
    tiny.load(weights(tiny), 1)
    assert tiny.version == 1


# Episodes.


class Echo(MultiTurnEnv):
    """Says back what it hears, three times."""

    max_turns = 3

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(str(n), "say " * (1 + n % 3) + str(n)) for n in range(4)]

    def turn(self, reply: str) -> str | Verdict:
        return reply[:9]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_concurrency_does_not_change_what_is_drawn(tiny: TransformersPolicy, temperature: float) -> None:
    env = Echo()
    plan = Plan(tuple(env.all_tasks("test")), samples=2)
    sampling = Sampling(max_tokens=8, temperature=temperature)
    one, many = (run_sync(collect(copies(env), tiny, plan, sampling=sampling, concurrency=c)).rollouts for c in (1, 64))
    assert [[n.token_ids for n in r.nodes] for r in one] == [[n.token_ids for n in r.nodes] for r in many]
    assert [r.transcript() for r in one] == [r.transcript() for r in many]
    assert {len(r.nodes) for r in one} == {6}
    assert {n.ended for r in one for n in r.nodes if n.is_policy} <= {"eos", "length"}
