"""Search engines: words and vectors, ranked by hand; embedders by name, and what they may get wrong."""

from __future__ import annotations

import importlib.util
import string
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentrl.envs._search.bm25 import BM25
from agentrl.envs._search.embedders import find_embedder
from agentrl.envs._search.vectors import Vectors
from agentrl.errors import ConfigError, MissingExtraError, UsageError


def letters(texts: list[str]) -> list[list[int]]:
    """How often a text has each letter."""
    return [[text.count(letter) for letter in string.ascii_lowercase] for text in texts]


def test_words_count_by_their_parameters() -> None:
    """Without b a long text loses nothing, and with k1 = 0 a repeated word gains nothing: ties, in order."""
    pytest.importorskip("bm25s")
    texts = ["red x y z", "red red", "red"]
    assert BM25(texts, str.split, k1=1.5, b=0.75).best("red", 3) == [1, 2, 0]
    assert BM25(texts, str.split, k1=1.5, b=0.0).best("red", 3) == [1, 0, 2]
    assert BM25(texts, str.split, k1=0.0, b=0.75).best("red", 3) == [0, 1, 2]


def test_a_word_that_a_query_repeats_counts_as_often_or_once() -> None:
    """ "a" and "b" are equally rare, so that saying one twice decides."""
    pytest.importorskip("bm25s")
    texts = ["a", "b"]
    assert BM25(texts, str.split, k1=1.5, b=0.75).best("a b b", 2) == [1, 0]
    assert BM25(texts, str.split, k1=1.5, b=0.75, max_words=3).best("a b b", 2) == [0, 1]
    assert BM25(texts, str.split, k1=1.5, b=0.75, max_words=1).best("c b b a", 2) == [1]


def test_vectors_rank_by_cosine() -> None:
    """Of "ab": "ab" 1, "aab" 3 / sqrt(10) = 0.95, "a" and "b" 0.71, "abc" 2 / sqrt(6) = 0.82, "xyz" 0."""
    engine = Vectors(["xyz", "b", "a", "abc", "aab", "ab"], letters, name="letters")
    assert engine.best("ab", 6) == engine.best("ba ba", 6) == [5, 4, 3, 1, 2]
    assert engine.best("ab", 2) == [5, 4]
    assert engine.best("zz", 6) == [0]


def test_what_has_no_direction_is_found_by_nothing_and_finds_nothing() -> None:
    engine = Vectors(["", "a"], letters, name="letters")
    assert engine.best("a", 2) == [1]
    for query in ("", " \n", "!?", "q"):
        assert engine.best(query, 2) == [], query


def test_equal_cosines_come_in_order_however_they_are_rounded() -> None:
    """All vectors point one way, so that every cosine is 1, but for the last digits of some."""
    engine = Vectors(
        ["x" * n for n in range(1, 300)], lambda texts: [[len(t) * 0.1, len(t) * 0.7] for t in texts], name=""
    )
    assert engine.best("x" * 7, 50) == list(range(50))


def test_half_a_surrogate_pair_reaches_no_embedder() -> None:
    seen: list[bytes] = []

    def embed(texts: list[str]) -> list[list[int]]:
        seen.extend(text.encode() for text in texts)
        return letters(texts)

    assert Vectors(["a"], embed, name="letters").best("a\ud800", 1) == [0]
    assert seen == [b"a", b"a?"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda texts: [[float("nan")]] * len(texts), "got nan or infinity for 'first'"),
        (lambda texts: np.array([[1.0], [np.inf]]), "got nan or infinity for 'second'"),
        (lambda texts: [1.0] * len(texts), r"got the shape \(2,\) for 2 texts"),
        (lambda texts: [[1.0]], r"got the shape \(1, 1\) for 2 texts"),
        (lambda texts: [[]] * len(texts), r"got the shape \(2, 0\)"),
        (lambda texts: [[1.0], [1.0, 2.0]], "got list: "),
        (lambda texts: None, r"got the shape \(\)|got NoneType"),
        (lambda texts: [["a"], ["b"]], "got list: could not convert"),
    ],
)
def test_what_is_no_vector_is_named_in_one_line(given: Callable[[list[str]], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        Vectors(["first", "second"], given, name="mine:embed")
    assert str(raised.value).startswith("the embedder 'mine:embed' must give one row of finite numbers a text")
    assert "\n" not in str(raised.value)


def test_a_query_of_another_width_is_named() -> None:
    engine = Vectors(["a", "b"], lambda texts: np.ones((len(texts), len(texts))), name="wide")
    with pytest.raises(ConfigError, match="2 numbers for a text, 1 for a query"):
        engine.best("a", 1)


def test_a_function_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_embedder.py").write_text("def embed(texts):\n    return [[len(text)] for text in texts]\n")
    assert find_embedder(f"{tmp_path / 'own_embedder.py'}:embed")(["abc"]) == [[3]]
    monkeypatch.syspath_prepend(tmp_path)
    assert find_embedder("own_embedder:embed")(["abc"]) == [[3]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "embedder must be 'wordllama', package.module:function or a model's name; got ''"),
        ("no_such_module_:embed", "cannot be imported: No module named 'no_such_module_'"),
        ("string:embed", "string has no function 'embed'"),
        ("string:digits", "string has no function 'digits'"),
        (".string:embed", "a function is named as package.module:function"),
        (":embed", "a function is named as package.module:function"),
    ],
)
def test_a_function_that_does_not_exist(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_embedder(name)
    with pytest.raises(UsageError, match=r"nowhere\.py"):
        find_embedder("nowhere.py:embed")


def test_a_sentence_transformers_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def __init__(self, name: str) -> None:
            if name != "small":
                raise OSError("no such model\nsecond line")

        def encode(self, texts: list[str], *, convert_to_numpy: bool, show_progress_bar: bool) -> Any:
            assert (convert_to_numpy, show_progress_bar) == (True, False)
            return np.array(letters(texts), dtype=np.float32)

    library: Any = types.ModuleType("sentence_transformers")
    library.SentenceTransformer = Model
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    assert Vectors(["b", "ab"], find_embedder("small"), name="small").best("a", 2) == [1]
    with pytest.raises(ConfigError, match=r"'large' cannot be loaded by sentence-transformers: no such model$"):
        find_embedder("large")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match="pip install sentence-transformers"):
        find_embedder("small")


def test_the_light_embedder_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[embeddings\]'"):
        find_embedder("wordllama")
    empty = types.SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: empty)
    with pytest.raises(ConfigError, match="has no tokenizers/l2_supercat"):
        find_embedder("wordllama")


@pytest.mark.skipif(importlib.util.find_spec("wordllama") is None, reason="pip install 'agentrl[embeddings]'")
def test_the_light_embedder_knows_meanings_and_any_text() -> None:
    embed = find_embedder("wordllama")
    engine = Vectors(["Pay a bill", "Feed the cat", "Land a plane"], embed, name="wordllama")
    assert [engine.best(query, 1) for query in ("invoice", "kitten", "aircraft")] == [[0], [1], [2]]
    odd = ["", "\x00", "x" * 5000, "🦙 naïve", "\u202e"]
    rows = embed(odd)
    assert rows.shape == (5, 256)
    assert np.isfinite(rows).all()
    assert not rows[0].any()
    assert np.array_equal(embed(odd[3:4]), rows[3:4])  # alone as among others
