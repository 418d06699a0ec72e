"""The engine, without asyncio: what it draws, what it shares, and that its log-probabilities are a plain forward's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from agentrl.models import attention_kind
from agentrl.policies._batch import Engine, Row, draw
from agentrl.render import ByteTokenizer
from agentrl.types import SampleRequest

NO_END: tuple[int, ...] = ()


def engine_of(model: PreTrainedModel, eos: Sequence[int] = NO_END) -> Engine:
    attention = attention_kind(model.config)
    assert attention != "other"
    return Engine(model, eos, ByteTokenizer().decode, attention)


def ask(prompt: str, max_tokens: int = 8, key: int = 0, **options: object) -> Row:
    ids = tuple(prompt.encode())
    return Row(SampleRequest(ids, max_tokens, key=(key,), **options))  # type: ignore[arg-type]


def finish(engine: Engine, rows: Sequence[Row]) -> None:
    engine.advance(rows)
    while engine.rows:
        engine.advance([])


def plain_logprobs(model: PreTrainedModel, row: Row) -> list[float]:
    """One forward pass over prompt and continuation, without cache or padding."""
    ids = torch.tensor([[*row.request.prompt_ids, *row.token_ids]])
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, len(row.request.prompt_ids) - 1 : -1].float()
    heat = row.request.temperature or 1.0
    chosen = torch.log_softmax(logits / heat, dim=-1).gather(1, torch.tensor(row.token_ids)[:, None])
    return chosen[:, 0].tolist()


def assert_plain(model: PreTrainedModel, rows: Sequence[Row]) -> None:
    for row in rows:
        assert row.token_ids
        assert row.logprobs == pytest.approx(plain_logprobs(model, row), abs=1e-5)


# What is drawn.


def test_draws_follow_the_distribution() -> None:
    """Chi-square against softmax(logits / temperature): 9 degrees of freedom, 99.9 % quantile 27.9."""
    count = 20_000
    logits = torch.linspace(-2.0, 1.5, 10)
    uniform = np.random.default_rng(0).random(count).tolist()
    ids, logp, sampler = draw(logits.expand(count, -1), temperature=[0.7] * count, top_p=[1.0] * count, uniform=uniform)
    expected = torch.softmax(logits / 0.7, dim=-1).double() * count
    seen = torch.bincount(ids, minlength=10).double()
    assert ((seen - expected) ** 2 / expected).sum().item() < 27.9
    assert torch.equal(logp, sampler)
    assert logp.tolist() == pytest.approx(torch.log_softmax(logits / 0.7, dim=-1)[ids].tolist(), abs=1e-5)


@pytest.mark.parametrize(("top_p", "kept"), [(0.5, 1), (0.51, 2), (0.8, 2), (0.81, 3), (0.951, 4), (1.0, 4)])
def test_the_nucleus_is_the_smallest_set_that_reaches_top_p(top_p: float, kept: int) -> None:
    probability = torch.tensor([0.05, 0.5, 0.15, 0.3])
    order = [1, 3, 2, 0]
    uniform = [(i + 0.5) / 200 for i in range(200)]
    ids, logp, sampler = draw(
        probability.log().expand(200, -1), temperature=[1] * 200, top_p=[top_p] * 200, uniform=uniform
    )
    assert set(ids.tolist()) == set(order[:kept])
    mass = sum(probability[i].item() for i in order[:kept])
    assert (logp - sampler).tolist() == pytest.approx([math.log(mass)] * 200, abs=1e-5)


def test_greedy_takes_the_largest_and_reports_temperature_one() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    ids, logp, sampler = draw(logits, temperature=[0.0], top_p=[1.0], uniform=[0.999])
    assert ids.tolist() == [1]
    assert logp.item() == pytest.approx(3 - math.log(1 + math.e**3 + math.e), abs=1e-6)
    assert torch.equal(logp, sampler)


def test_a_row_draws_the_same_beside_truncated_and_greedy_rows() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 5000) * 2
    alone = draw(logits, temperature=[1.0], top_p=[1.0], uniform=[0.123])
    beside = draw(logits.expand(3, -1), temperature=[1.0, 1.0, 0.0], top_p=[1.0, 0.3, 1.0], uniform=[0.123, 0.9, 0.5])
    for a, b in zip(alone, beside, strict=True):
        assert a[0].item() == b[0].item()


def test_an_unlikely_token_is_not_truncated_because_of_the_company() -> None:
    """Its probability, 2e-8, does not change a float32 sum of 1."""
    logits = torch.tensor([0.0, math.log(2e-8)])
    uniform = 1 - 1e-9
    alone, _, _ = draw(logits[None], temperature=[1.0], top_p=[1.0], uniform=[uniform])
    beside, _, _ = draw(logits.expand(2, -1), temperature=[1.0] * 2, top_p=[1.0, 0.5], uniform=[uniform] * 2)
    assert alone.tolist() == [1]
    assert beside.tolist() == [1, 0]


@given(
    weights=st.lists(st.sampled_from([-math.inf, -30.0, 0.0, 5.0]), min_size=1, max_size=700),
    uniform=st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 1 - 2.0**-53, 1 - 2.0**-26])),
    top_p=st.sampled_from([1.0, 0.9, 0.1]),
)
@settings(deadline=None, max_examples=200)
def test_nothing_of_weight_zero_is_ever_drawn(weights: list[float], uniform: float, top_p: float) -> None:
    if max(weights) == -math.inf:
        weights[-1] = 0.0
    ids, logp, _ = draw(torch.tensor([weights]), temperature=[1.0], top_p=[top_p], uniform=[uniform])
    assert 0 <= ids.item() < len(weights)
    assert math.isfinite(logp.item())


def test_the_last_uniform_does_not_fall_off_the_last_block_of_weight() -> None:
    """As float32 it would be 1; what follows the only token of weight is blocks of none."""
    ids, logp, _ = draw(
        torch.tensor([[0.0] + [-math.inf] * 600]), temperature=[1.0], top_p=[1.0], uniform=[1 - 2.0**-53]
    )
    assert (ids.item(), logp.item()) == (0, 0.0)


# What the model computes.


def test_greedy_text_is_what_generate_gives_for_ragged_prompts(llama: PreTrainedModel) -> None:
    prompts = ["a", "a longer prompt than the first", "mid one", "a longer prompt than most"]
    rows = [ask(p, 12, temperature=0.0) for p in prompts]
    finish(engine_of(llama), rows)
    for row in rows:
        ids = torch.tensor([row.request.prompt_ids])
        out = llama.generate(  # type: ignore[operator]
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=12,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
        assert row.token_ids == out[0, ids.shape[1] :].tolist()
    assert len({tuple(r.token_ids) for r in rows}) == len(rows)
    assert_plain(llama, rows)


SHARED = "a beginning that all of them share: "


@pytest.mark.parametrize(
    "prompts",
    [
        [SHARED + "x", SHARED + "yy", SHARED + "a good deal longer than the others"],
        [SHARED + "same", SHARED + "same", SHARED + "other"],
        [SHARED, SHARED + "one is the beginning of the other"],
        ["short", "prompts"],
        ["one alone"],
    ],
)
def test_logprobs_are_those_of_a_plain_forward(llama: PreTrainedModel, prompts: list[str]) -> None:
    rows = [ask(p, 6 + i, key=i, temperature=0.8) for i, p in enumerate(prompts)]
    finish(engine_of(llama), rows)
    assert_plain(llama, rows)
    assert [len(r.token_ids) for r in rows] == [6 + i for i in range(len(rows))]


def test_rows_come_and_go_in_the_middle_of_decoding(llama: PreTrainedModel) -> None:
    engine = engine_of(llama)
    first = [ask(SHARED + str(i), 4 + 5 * i, key=i) for i in range(4)]
    late = [ask("quite another prompt " * i, 9, key=10 + i) for i in range(1, 4)]
    engine.advance(first)
    for _ in range(5):
        engine.advance([])
    assert [r.stop for r in first] == ["length", None, None, None]
    engine.advance(late[:2])
    engine.advance([])
    finish(engine, late[2:])
    assert {r.stop for r in (*first, *late)} == {"length"}
    assert_plain(llama, [*first, *late])


def test_a_prompt_of_a_group_is_prefilled_once(llama: PreTrainedModel) -> None:
    engine = engine_of(llama)
    rows = [ask("the prompt", key=i) for i in range(6)]
    finish(engine, rows)
    assert engine.prefill_tokens == len("the prompt")
    assert engine.prompt_tokens == 6 * len("the prompt")
    assert len({tuple(r.token_ids) for r in rows}) == 6
    assert_plain(llama, rows)


def test_a_shared_beginning_is_prefilled_once(llama: PreTrainedModel) -> None:
    engine = engine_of(llama)
    finish(engine, [ask(SHARED + c, key=i) for i, c in enumerate("abc")])
    assert engine.prefill_tokens == len(SHARED) + 3


def test_finished_and_cancelled_rows_leave(llama: PreTrainedModel) -> None:
    engine = engine_of(llama)
    short, cancelled, *long = (ask(f"prompt {i}", 2 if i == 0 else 20, key=i) for i in range(4))
    engine.advance([short, cancelled, *long])
    assert short.stop == "length"
    cancelled.cancelled = True
    for _ in range(3):
        engine.advance([])
    assert engine.rows == long
    assert engine.live == 2
    slots = engine.decode_slots
    engine.advance([])
    assert engine.decode_slots == slots + 2
    finish(engine, [])
    assert cancelled.stop is None
    assert_plain(llama, long)


def test_the_same_key_draws_the_same_in_any_company(llama: PreTrainedModel) -> None:
    alone = ask("the prompt", 10, key=7)
    finish(engine_of(llama), [alone])
    crowd = [ask("p" * (1 + 5 * i), 10, key=i) for i in range(5)]
    again, other = ask("the prompt", 10, key=7), ask("the prompt", 10, key=8)
    engine = engine_of(llama)
    engine.advance(crowd)
    finish(engine, [again, other])
    assert again.token_ids == alone.token_ids
    assert other.token_ids != alone.token_ids
    assert again.logprobs == pytest.approx(alone.logprobs, abs=1e-5)


def test_sampler_logprobs_are_renormalised_within_the_nucleus(llama: PreTrainedModel) -> None:
    row = ask("the prompt", 10, top_p=0.6)
    finish(engine_of(llama), [row])
    assert_plain(llama, [row])
    shift = [s - lp for s, lp in zip(row.sampler_logprobs, row.logprobs, strict=True)]
    assert all(-1e-6 <= d <= -math.log(0.6) + 1e-6 for d in shift)
    assert max(shift) > 0.01


# Why a row ends.


def test_a_row_ends_at_its_end_of_turn_token(llama: PreTrainedModel) -> None:
    free = ask("the prompt", 10, temperature=0.0)
    finish(engine_of(llama), [free])
    third = free.token_ids[2]
    row = ask("the prompt", 10, temperature=0.0)
    finish(engine_of(llama, eos=[third]), [row])
    assert row.stop == "eos"
    assert row.token_ids == free.token_ids[: free.token_ids.index(third) + 1]


@pytest.mark.parametrize("stop", ["b→→→→→→→→→c", "\n\n"])
def test_a_stop_string_over_many_tokens_is_seen(llama: PreTrainedModel, stop: str) -> None:
    engine = engine_of(llama)
    row = ask("p", 200, stop=("never", stop))
    row.token_ids = list(f"before {stop}".encode())
    assert engine._why(row, row.token_ids[-1]) == "stop"
    row.token_ids = list(f"before {stop[:-1]}x".encode())
    assert engine._why(row, row.token_ids[-1]) is None


def test_one_token_is_drawn_without_a_decoding_step(llama: PreTrainedModel) -> None:
    engine = engine_of(llama)
    row = ask("p", 1)
    assert engine.advance([row]) == [row]
    assert (row.stop, len(row.token_ids), engine.decode_slots) == ("length", 1, 0)


def test_logits_that_are_not_finite_are_an_error(llama: PreTrainedModel) -> None:
    with torch.no_grad():
        next(llama.parameters()).fill_(math.nan)
    with pytest.raises(FloatingPointError, match="diverged"):
        engine_of(llama).advance([ask("p")])


# Other attentions.


def test_a_sliding_window_gives_the_logprobs_of_a_plain_forward(mistral: PreTrainedModel) -> None:
    engine = engine_of(mistral)
    assert engine.attention == "window"
    rows = [ask(SHARED * i + "end", 12, key=i) for i in range(3)]
    engine.advance(rows[:2])
    engine.advance([])
    finish(engine, rows[2:])
    assert_plain(mistral, rows)


def test_the_window_is_in_force(mistral: PreTrainedModel) -> None:
    """Two layers of window 6 see 11 tokens: what lies before them cannot matter, what lies within does."""
    rows = [ask("x" * 20 + "abcdefghijkl", 1), ask("y" * 20 + "abcdefghijkl", 1), ask("x" * 20 + "abcZefghijkl", 1)]
    finish(engine_of(mistral), rows)
    same, also, other = (r.logprobs[0] for r in rows)
    assert same == pytest.approx(also, abs=1e-5)
    assert same != pytest.approx(other, abs=1e-5)


def test_learned_positions_and_a_head_per_key(llama: PreTrainedModel) -> None:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=258, n_positions=256, n_embd=32, n_layer=2, n_head=4)
    model = GPT2LMHeadModel(config).train(False)
    rows = [ask(SHARED + "x" * i, 5, key=i) for i in range(3)]
    finish(engine_of(model), rows)
    assert_plain(model, rows)
