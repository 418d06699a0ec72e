"""Batched decoding with rows that come and go: the engine behind the transformers policy (one thread, no asyncio).

A row is one request. `advance` admits new rows (a prompt that several rows share is prefilled once, a beginning that
all prompts share is prefilled once for all of them), then makes one decoding step for every live row. The key/value
cache is one slab a layer, shape (rows, heads, capacity, head dim), written in place; rows are aligned at their ends,
what lies before or between is masked out. Rows that finish leave the slab.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer

from agentrl.types import SampleRequest

__all__ = ["Engine", "Row", "draw"]

_SHARED_PREFIX = 16
"""Shortest common beginning of different prompts that is worth a prefill of its own."""
_COMPACT_AT = 0.25
"""Share of finished rows in the slab at which they are removed."""


@dataclass(eq=False)
class Row:
    """One request under way.

    Attributes:
        finish: Called by the owner's thread with the finished row.
        stop: Why it ended, once it has.
        cancelled: Set from outside; the row leaves at the next step.
    """

    request: SampleRequest
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    sampler_logprobs: list[float] = field(default_factory=list)
    stop: Literal["eos", "stop", "length"] | None = None
    cancelled: bool = False
    version: int = 0
    uniforms: Iterator[float] = field(init=False)

    def __post_init__(self) -> None:
        # One uniform a token from a stream named by the request: what is drawn does not depend on the company.
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(self.request.key)))
        self.uniforms = (float(rng.random()) for _ in itertools.count())


class _SlabLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers' hook is not typed
    """A layer's cache that writes into a buffer of fixed capacity instead of concatenating at every step."""

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity, self.length = capacity, 0
        self.slab_keys = self.slab_values = torch.zeros(0)

    def fill(self, keys: torch.Tensor, values: torch.Tensor, length: int) -> None:
        """Take over slabs whose first `length` columns are written."""
        self.slab_keys, self.slab_values, self.length = keys, values, length
        self.is_initialized = True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        if not self.is_initialized:  # models differ in the shapes of keys and values: the first ones tell
            rows = len(key_states)
            self.fill(_slab(key_states, rows, self.capacity), _slab(value_states, rows, self.capacity), 0)
        end = self.length + key_states.shape[-2]
        self.slab_keys[:, :, self.length : end] = key_states
        self.slab_values[:, :, self.length : end] = value_states
        self.length = end
        return self.slab_keys[:, :, :end], self.slab_values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0


class Engine:
    """Decodes rows in one batch.

    Args:
        model: A causal language model whose attention is "full" or "window" (`agentrl.models.attention_kind`).
        eos_ids: Tokens that end a turn.
        decode: Ids to text, for stop strings.
        attention: "full" takes dense masks and shared prefixes; "window" takes padding masks only.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        eos_ids: Sequence[int],
        decode: Callable[[Sequence[int]], str],
        attention: Literal["full", "window"],
    ) -> None:
        self.model = model
        self.eos_ids = frozenset(eos_ids)
        self.decode = decode
        self.attention = attention
        self.rows: list[Row] = []
        self._layers: list[_SlabLayer] = []
        self._mask = torch.zeros(0, 0, dtype=torch.bool)
        self._positions = torch.zeros(0, dtype=torch.long)
        self._length = 0
        self.prefill_tokens = 0
        """Prompt tokens that went through the model."""
        self.prompt_tokens = 0
        """Prompt tokens of all rows: with `prefill_tokens`, how much sharing saved."""
        self.decode_slots = 0
        """Rows x steps computed, finished rows that had not left yet included."""

    @property
    def live(self) -> int:
        """Rows that are not finished."""
        return sum(row.stop is None and not row.cancelled for row in self.rows)

    @torch.inference_mode()
    def advance(self, new: Sequence[Row]) -> list[Row]:
        """Admit rows, then decode one token for every live row.

        Returns:
            The rows that finished.
        """
        finished = self._admit(new) if new else []
        self._compact()
        if self.rows:
            finished += self._step()
            self._compact()
        return finished

    def clear(self) -> None:
        """Forget every row."""
        self.rows, self._layers, self._length = [], [], 0
        self._mask, self._positions = self._mask[:0], self._positions[:0]

    # Admission.

    def _admit(self, new: Sequence[Row]) -> list[Row]:
        prompts = dict.fromkeys(row.request.prompt_ids for row in new)
        unique = {prompt: index for index, prompt in enumerate(prompts)}
        of_row = torch.tensor([unique[row.request.prompt_ids] for row in new], device=self._device)
        self.prompt_tokens += sum(len(row.request.prompt_ids) for row in new)
        cache, mask, logits = self._prefill(list(unique))
        room = max(row.request.max_tokens for row in new)
        self._merge(cache, mask, of_row, room)
        lengths = torch.tensor([len(row.request.prompt_ids) for row in new], device=self._device)
        self._positions = torch.cat([self._positions.to(self._device), lengths])
        self.rows = [*self.rows, *new]
        return self._draw(new, logits[of_row])

    def _prefill(self, prompts: list[tuple[int, ...]]) -> tuple[list[_SlabLayer], torch.Tensor, torch.Tensor]:
        """Run prompts through the model: caches (U rows), mask (U, L), logits (U, V) of each prompt's end."""
        shared = _common_prefix(prompts) if self.attention == "full" and len(prompts) > 1 else 0
        shared = shared if shared >= _SHARED_PREFIX else 0
        longest = max(len(p) for p in prompts)
        if shared:
            trunk = torch.tensor([prompts[0][:shared]], device=self._device)
            layers = self._new_layers(shared)
            self._forward(trunk, torch.arange(shared, device=self._device)[None], layers, None)
            layers = _copy_layers(layers, len(prompts), longest)
        else:
            layers = self._new_layers(longest)
        width = longest - shared
        ids = torch.zeros(len(prompts), width, dtype=torch.long, device=self._device)
        mask = torch.ones(len(prompts), longest, dtype=torch.bool, device=self._device)
        positions = torch.zeros_like(ids)
        for i, prompt in enumerate(prompts):
            pad = longest - len(prompt)
            ids[i, pad:] = torch.tensor(prompt[shared:], device=self._device)
            positions[i, pad:] = torch.arange(shared, len(prompt), device=self._device)
            mask[i, shared : shared + pad] = False
        logits = self._forward(ids, positions, layers, mask)
        self.prefill_tokens += shared + sum(len(p) - shared for p in prompts)
        return layers, mask, logits

    def _merge(self, layers: list[_SlabLayer], mask: torch.Tensor, of_row: torch.Tensor, room: int) -> None:
        """Put new rows beside the live ones: both end at the same column."""
        old, new = len(self.rows), len(of_row)
        length = max(self._length, mask.shape[1])
        left_new, left_old = length - mask.shape[1], length - self._length
        live = [row.request.max_tokens - len(row.token_ids) for row in self.rows]
        capacity = length + max([room, *live]) + 1
        merged = self._new_layers(capacity)
        for i, (target, source) in enumerate(zip(merged, layers, strict=True)):
            slabs = []
            for name in ("slab_keys", "slab_values"):
                came = getattr(source, name)
                slab = _slab(came, old + new, capacity)
                slab[old:, :, left_new:length] = came[:, :, : mask.shape[1]][of_row]
                if old:
                    slab[:old, :, left_old:length] = getattr(self._layers[i], name)[:, :, : self._length]
                slabs.append(slab)
            target.fill(slabs[0], slabs[1], length)
        full = torch.zeros(old + new, capacity, dtype=torch.bool, device=self._device)
        full[old:, left_new:length] = mask[of_row]
        if old:
            full[:old, left_old:length] = self._mask[:, : self._length]
        self._layers, self._mask, self._length = merged, full, length

    # Decoding.

    def _step(self) -> list[Row]:
        self.decode_slots += len(self.rows)
        last = torch.tensor([[row.token_ids[-1]] for row in self.rows], device=self._device)
        self._mask[:, self._length] = True
        logits = self._forward(last, self._positions[:, None], self._layers, self._mask[:, : self._length + 1])
        self._length += 1
        self._positions += 1
        return self._draw(self.rows, logits)

    def _draw(self, rows: Sequence[Row], logits: torch.Tensor) -> list[Row]:
        requests = [row.request for row in rows]
        ids, logp, sampler_logp = draw(
            logits,
            temperature=[r.temperature for r in requests],
            top_p=[r.top_p for r in requests],
            uniform=[next(row.uniforms) for row in rows],
        )
        finished = []
        for row, token, lp, sp in zip(rows, ids.tolist(), logp.tolist(), sampler_logp.tolist(), strict=True):
            if row.stop is not None or row.cancelled:
                continue
            if not math.isfinite(lp):
                raise FloatingPointError("the model's logits are not finite; its weights have diverged")
            row.token_ids.append(token)
            row.logprobs.append(lp)
            row.sampler_logprobs.append(sp)
            row.stop = self._why(row, token)
            if row.stop is not None:
                finished.append(row)
        return finished

    def _why(self, row: Row, token: int) -> Literal["eos", "stop", "length"] | None:
        if token in self.eos_ids:
            return "eos"
        if row.request.stop:
            # A stop string's bytes take at most that many tokens, and may begin inside an older one.
            tail = self.decode(row.token_ids[-max(len(s.encode()) for s in row.request.stop) - 4 :])
            if any(s in tail for s in row.request.stop):
                return "stop"
        return "length" if len(row.token_ids) >= row.request.max_tokens else None

    def _compact(self) -> None:
        """Remove finished rows once they are a good share of the slab."""
        keep = [i for i, row in enumerate(self.rows) if row.stop is None and not row.cancelled]
        if len(self.rows) - len(keep) <= (_COMPACT_AT * len(self.rows) if keep else 0):
            return
        if not keep:
            self.clear()
            return
        index = torch.tensor(keep, device=self._device)
        self.rows = [self.rows[i] for i in keep]
        self._mask, self._positions = self._mask[index], self._positions[index]
        for layer in self._layers:
            layer.slab_keys, layer.slab_values = layer.slab_keys[index], layer.slab_values[index]

    # The model.

    @property
    def _device(self) -> torch.device:
        return self.model.device

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, layers: list[_SlabLayer], mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits (rows, V) of each row's last token; `mask` (rows, columns) says which columns hold tokens."""
        out = self.model(
            input_ids=ids,
            attention_mask=self._attention_mask(mask, ids.shape[1]),
            position_ids=positions,
            past_key_values=Cache(layers=list(layers)),
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits

    def _attention_mask(self, mask: torch.Tensor | None, width: int) -> torch.Tensor | None:
        if mask is None or self.attention == "window":
            return mask
        columns = mask.shape[1]
        if width == 1:
            return mask[:, None, None, :]
        causal = torch.ones(width, columns, dtype=torch.bool, device=mask.device).tril(columns - width)
        visible = causal & mask[:, None, None, :]
        # A padding position sees itself, so that its softmax is over something; nobody sees it.
        own = torch.eye(width, columns, dtype=torch.bool, device=mask.device).roll(columns - width, dims=1)
        return visible | own

    def _new_layers(self, capacity: int) -> list[_SlabLayer]:
        return [_SlabLayer(capacity) for _ in range(self.model.config.get_text_config().num_hidden_layers)]


def draw(
    logits: torch.Tensor, *, temperature: Sequence[float], top_p: Sequence[float], uniform: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw one token a row by inverting the cumulative distribution at a given uniform.

    Args:
        logits: Shape (R, V).
        temperature: Per row; 0 is greedy, with log-probabilities at temperature 1.
        top_p: Per row.
        uniform: Per row, in [0, 1).

    Returns:
        Ids, temperature-scaled log-probabilities over the full vocabulary, and log-probabilities after truncation,
        each of shape (R,).
    """
    nucleus_R = torch.tensor(top_p, dtype=torch.float32, device=logits.device)
    heat_R = torch.tensor(temperature, dtype=torch.float32, device=logits.device)
    greedy_R = heat_R == 0
    scaled_RV = logits.float() / torch.where(greedy_R, 1.0, heat_R)[:, None]
    full_RV = torch.softmax(scaled_RV, dim=-1)
    truncate = min(top_p) < 1
    kept_RV = _nucleus(full_RV, nucleus_R) if truncate else full_RV
    ids = _invert(kept_RV, torch.tensor(uniform, dtype=torch.float64, device=logits.device))
    if greedy_R.any():
        ids = torch.where(greedy_R, scaled_RV.argmax(dim=-1), ids)
    logp = full_RV.gather(1, ids[:, None]).squeeze(1).log()
    return ids, logp, torch.where(nucleus_R < 1, logp - kept_RV.sum(dim=-1).log(), logp)


_BLOCK = 256


def _invert(weight_RV: torch.Tensor, uniform_R: torch.Tensor) -> torch.Tensor:
    """The first index at which the cumulative weight passes `uniform` of the total, shape (R,).

    In two levels, sums of blocks and then one block: a running sum over a whole vocabulary is several times slower.
    The sums are float64, so that rounding gives an index of weight 0 no width of its own.
    """
    rows, size = weight_RV.shape
    blocks_RNK = torch.nn.functional.pad(weight_RV, (0, -size % _BLOCK)).view(rows, -1, _BLOCK)
    ends_RN = blocks_RNK.sum(dim=-1, dtype=torch.float64).cumsum(dim=-1)
    total_R = ends_RN[:, -1]
    # Nothing of weight 0 may be drawn: the sought sum must be passed, not met, so it stays below the total.
    goal_R1 = torch.minimum(uniform_R * total_R, torch.nextafter(total_R, torch.zeros_like(total_R)))[:, None]
    block_R1 = torch.searchsorted(ends_RN, goal_R1, right=True).clamp(max=ends_RN.shape[1] - 1)
    before_R1 = torch.where(block_R1 > 0, ends_RN.gather(1, (block_R1 - 1).clamp(min=0)), 0.0)
    inside_RK = blocks_RNK[torch.arange(rows, device=weight_RV.device), block_R1.squeeze(1)]
    within_RK = inside_RK.cumsum(dim=-1, dtype=torch.float64)
    at_R1 = torch.searchsorted(within_RK, goal_R1 - before_R1, right=True)
    # Rounding may leave the goal at or past the block's own sum: then its last index of any weight is meant.
    last_R1 = (_BLOCK - 1 - (inside_RK > 0).flip(-1).int().argmax(dim=-1))[:, None]
    # The last clamp is for weights that are not numbers, which the caller reports.
    return (block_R1 * _BLOCK + torch.minimum(at_R1, last_R1)).squeeze(1).clamp(max=size - 1)


def _nucleus(probability: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Zero everything outside the smallest set of most likely tokens that reaches `top_p`; 1 keeps all."""
    ordered, index = probability.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = torch.where((before < top_p[:, None]) | (top_p[:, None] >= 1), ordered, 0.0)
    return torch.zeros_like(probability).scatter(1, index, kept)


def _common_prefix(prompts: list[tuple[int, ...]]) -> int:
    """Length of the beginning that all prompts share, leaving each at least one token."""
    first, last = min(prompts), max(prompts)
    most = min(len(p) for p in prompts) - 1
    return next((i for i in range(most) if first[i] != last[i]), most)


def _slab(like: torch.Tensor, rows: int, capacity: int) -> torch.Tensor:
    """Zeros of shape (rows, heads, capacity, head dim), heads and head dim as in `like`."""
    return like.new_zeros(rows, like.shape[1], capacity, like.shape[3])


def _copy_layers(layers: list[_SlabLayer], rows: int, capacity: int) -> list[_SlabLayer]:
    """One row's cache, for several rows, with room to go on."""
    copies = [_SlabLayer(capacity) for _ in layers]
    for copied, layer in zip(copies, layers, strict=True):
        keys, values = (_slab(x, rows, capacity) for x in (layer.slab_keys, layer.slab_values))
        keys[:, :, : layer.length] = layer.slab_keys[:, :, : layer.length]
        values[:, :, : layer.length] = layer.slab_values[:, :, : layer.length]
        copied.fill(keys, values, layer.length)
    return copies
