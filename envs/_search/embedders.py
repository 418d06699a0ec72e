"""What turns texts into vectors, by name.

`wordllama` is the light one: its wheel (MIT) holds a vector of 256 numbers for each token of Llama 2's vocabulary, and
a text's vector is their mean. Only the two files are read: importing the package would set up the process's logging,
and its own loader looks for the tokenizer in another folder than the wheel has it, and then downloads it.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentrl import registry
from agentrl.envs._search.vectors import Embed
from agentrl.errors import ConfigError, MissingExtraError

__all__ = ["WORDLLAMA", "find_embedder"]

WORDLLAMA = "wordllama"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_WEIGHTS = "weights/l2_supercat_256.safetensors"


def find_embedder(name: str) -> Embed:
    """The embedder of a name.

    Args:
        name: "wordllama"; a function of one's own, `package.module:function` or `path/file.py:function`, from a list of
            texts to an array with one row for each; or the name or folder of a sentence-transformers model.

    Raises:
        ConfigError: There is no such function or model.
        MissingExtraError: What reads the model is not installed.
        UsageError: The file cannot be loaded.
    """
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"embedder must be {WORDLLAMA!r}, package.module:function or a model's name; got {name!r}")
    if name == WORDLLAMA:
        return _wordllama()
    if ":" in name:
        return _function(name)
    return _sentence_transformer(name)


def _wordllama() -> Embed:
    spec = importlib.util.find_spec("wordllama")
    folder = Path(next(iter(spec.submodule_search_locations or ()), "")) if spec else None
    try:
        if folder is None:
            raise ImportError
        tokenizers: Any = importlib.import_module("tokenizers")
        safetensors: Any = importlib.import_module("safetensors.numpy")
    except ImportError:
        raise MissingExtraError(
            f"the embedder {WORDLLAMA!r} needs its wheel: pip install 'agentrl[embeddings]', or name another embedder"
        ) from None
    for file in (_TOKENIZER, _WEIGHTS):
        if not (folder / file).is_file():
            raise ConfigError(
                f"the installed wordllama has no {file}: pip install 'agentrl[embeddings]' gets one that has"
            )
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / _TOKENIZER))
    vectors: NDArray[Any] = safetensors.load_file(folder / _WEIGHTS)["embedding.weight"].astype(np.float32)

    def embed(texts: list[str]) -> NDArray[Any]:
        rows = np.zeros((len(texts), vectors.shape[1]))
        for row, text in zip(rows, texts, strict=True):  # one by one: in batches the tokenizer starts threads
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            if ids:
                row[:] = vectors[ids].mean(axis=0, dtype=np.float64)
        return rows

    return embed


def _function(name: str) -> Embed:
    home, _, attribute = name.rpartition(":")
    if not home.endswith(".py") and not all(part.isidentifier() for part in (*home.split("."), attribute)):
        raise ConfigError(f"a function is named as package.module:function or path/file.py:function, got {name!r}")
    try:
        module = registry.load_module("env", home) if home.endswith(".py") else importlib.import_module(home)
    except ImportError as error:
        raise ConfigError(f"the embedder {name!r} cannot be imported: {error}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise ConfigError(f"the embedder {name!r} is not there: {home} has no function {attribute!r}")
    return function  # type: ignore[no-any-return]


def _sentence_transformer(name: str) -> Embed:
    try:
        library: Any = importlib.import_module("sentence_transformers")
    except ImportError:
        raise MissingExtraError(
            f"the embedder {name!r} needs a library: pip install sentence-transformers, or name {WORDLLAMA!r}"
        ) from None
    try:
        model = library.SentenceTransformer(name)
    except (OSError, ValueError) as error:  # no such folder, no network, no model in it
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"the embedder {name!r} cannot be loaded by sentence-transformers: {reason}") from error

    def embed(texts: list[str]) -> Any:
        return model.encode(texts, convert_to_numpy=True, show_progress_bar=False)

    return embed
