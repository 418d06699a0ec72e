"""Samples from a transformers model in this process.

Requests of concurrent episodes meet in one batch: new ones are admitted between decoding steps, a prompt that several
share is prefilled once, finished and cancelled ones leave. The model runs on a thread of its own, so that environments
step meanwhile. `transformers:MODEL` takes a folder, a hub name or `smollm2-135m`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import torch
from transformers import PreTrainedModel

from agentrl.errors import ConfigError, UsageError
from agentrl.models import attention_kind, load_model, load_tokenizer
from agentrl.policies._batch import Engine, Row
from agentrl.render import Renderer
from agentrl.types import Sample, SampleRequest

__all__ = ["TransformersPolicy", "best_device", "best_dtype", "open"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TransformersPolicy:
    """A token policy over a model in this process.

    Args:
        model: Is used as it is, and changed by `load`.
        renderer: Turns messages into this model's ids.
        name: Recorded with each rollout.
        max_rows: Most requests decoded at a time.

    Raises:
        ConfigError: The model's attention cannot be batched this way.
    """

    def __init__(
        self, model: PreTrainedModel, renderer: Renderer, *, name: str = "transformers", max_rows: int = 128
    ) -> None:
        attention = attention_kind(model.config)
        if attention == "other" or getattr(model, "_is_stateful", False):
            raise ConfigError(
                f"{name}: {model.config.model_type} keeps a recurrent state; this policy needs attention layers only"
            )
        self.name = name
        self.renderer = renderer
        self.version = 0
        self.max_length: int | None = getattr(model.config, "max_position_embeddings", None)
        self.max_rows = max_rows
        self.model: Any = model
        self.model.eval()  # type: ignore[no-untyped-call]
        self.engine = Engine(model, renderer.tokenizer.eos_ids, renderer.tokenizer.decode, attention)
        self._inbox: list[tuple[Row, asyncio.Future[Sample]]] = []
        self._waiting: dict[Row, asyncio.Future[Sample]] = {}
        self._driver: asyncio.Task[None] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agentrl-model")

    async def sample(self, request: SampleRequest) -> Sample:
        """Draw one continuation; cancelling frees the row at the next step.

        Raises:
            UsageError: The policy is closed, or the request is empty or longer than the model's context.
        """
        self._check(request)
        loop = asyncio.get_running_loop()
        row = Row(request)
        future: asyncio.Future[Sample] = loop.create_future()
        self._inbox.append((row, future))
        if self._driver is None or self._driver.done():
            self._driver = loop.create_task(self._drive())
        try:
            return await future
        except asyncio.CancelledError:
            row.cancelled = True
            raise

    def load(self, weights: Mapping[str, torch.Tensor], version: int) -> None:
        """Take over weights by name, converted to this model's dtype; samples carry the new version from here on.

        Raises:
            ConfigError: Requests are under way, or the weights are another model's; nothing was changed.
        """
        if self._waiting or self._inbox:
            raise ConfigError("weights cannot change while requests are under way")
        own = dict(self.model.named_parameters())
        for name in own:
            if name not in weights:
                raise ConfigError(f"the new weights lack {name!r}; they are of another model")
            if weights[name].shape != own[name].shape:
                got, need = tuple(weights[name].shape), tuple(own[name].shape)
                raise ConfigError(f"the new weights' {name!r} has shape {got}, this model's {need}")
        if unknown := set(weights) - set(self.model.state_dict()):
            raise ConfigError(f"this model has no weights {sorted(unknown)[:3]}; the new ones are of another model")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(weights[name])
        self.version = version

    def close(self) -> None:
        """Stop the model's thread."""
        self._closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _check(self, request: SampleRequest) -> None:
        """Refuse what would fail, or go wrong unseen, in a batch with others."""
        if self._closed:
            raise UsageError(f"{self.name} is closed; open the policy again")
        length = len(request.prompt_ids)
        if length < 1 or request.max_tokens < 1:
            raise UsageError(f"a request needs a prompt and max_tokens >= 1, got {length} and {request.max_tokens}")
        if self.max_length is not None and length + request.max_tokens > self.max_length:
            raise UsageError(
                f"{length} prompt tokens and max_tokens = {request.max_tokens} do not fit the context of "
                f"{self.max_length}"
            )

    async def _drive(self) -> None:
        """Advance the batch until nobody waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._inbox or self._waiting:
                # Two turns of the loop: every episode that can go on has asked by then, so that the make-up of a
                # batch, and with it each bit of the result, does not depend on timing (inline environments).
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                new = self._take()
                finished = await loop.run_in_executor(self._thread, self.engine.advance, new)
                self._hand_out(finished)
        except BaseException as error:
            # Whatever it was, those who wait must hear of it.
            for future in [*self._waiting.values(), *(f for _, f in self._inbox)]:
                if not future.done():
                    future.set_exception(error) if isinstance(error, Exception) else future.cancel()
            self._waiting.clear()
            self._inbox.clear()
            if not self._closed:
                self._thread.submit(self.engine.clear)  # behind the step that may still be running
            if not isinstance(error, Exception):
                raise

    def _take(self) -> list[Row]:
        self._waiting = {row: f for row, f in self._waiting.items() if not row.cancelled}
        new: list[Row] = []
        while self._inbox and len(self._waiting) < self.max_rows:
            row, future = self._inbox.pop(0)
            if row.cancelled:
                continue
            row.version = self.version
            self._waiting[row] = future
            new.append(row)
        return new

    def _hand_out(self, finished: list[Row]) -> None:
        for row in finished:
            future = self._waiting.pop(row, None)
            if future is not None and not future.done():
                assert row.stop is not None
                future.set_result(
                    Sample(
                        tuple(row.token_ids),
                        tuple(row.logprobs),
                        tuple(row.sampler_logprobs),
                        row.stop,
                        row.version,
                    )
                )


def open(
    what: str,
    *,
    precision: Literal["auto", "fp32", "bf16"] = "auto",
    device: str = "auto",
    max_rows: int = 128,
) -> TransformersPolicy:
    """Load a model and its tokenizer.

    Args:
        what: A folder, a hub name, or `smollm2-135m`.
        precision: "auto" is bf16 where the device computes in it, else fp32.
        device: "auto" is CUDA where there is one, else the CPU.
        max_rows: Most requests decoded at a time.

    Raises:
        UnknownIdError: No such model.
    """
    where = best_device() if device == "auto" else device
    dtype = best_dtype(where) if precision == "auto" else _DTYPES[precision]
    renderer = Renderer(load_tokenizer(what))
    return TransformersPolicy(load_model(what, dtype=dtype, device=where), renderer, name=what, max_rows=max_rows)


def best_device() -> str:
    """The accelerator of this process as accelerate sees it, else the CPU."""
    from accelerate import PartialState

    return str(PartialState().device)


def best_dtype(device: str) -> Any:
    """bf16 where the device has instructions for it, else fp32."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
