"""Words, sentences, paragraphs and repeats of texts: what never changes a count."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.verifiers._reading.repetition import repeated_share
from agentrl.verifiers._reading.text import paragraphs, sentences, words

texts = st.one_of(
    st.text(),
    st.lists(
        st.one_of(st.sampled_from(["*", ". ", "\n\n", "\n- ", "'", "e.g. ", "\u200b", "\u0301"]), st.text(max_size=3))
    ).map("".join),
)


@settings(deadline=None)
@given(texts)
def test_counts_do_not_depend_on_white_space_around(reply: str) -> None:
    padded = f"\n\n{reply}\n\n"
    assert words(padded) == words(reply)
    assert len(sentences(padded)) == len(sentences(reply))
    assert len(paragraphs(padded)) == len(paragraphs(reply))
    assert len(sentences(reply)) <= len(words(reply)) or not words(reply)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["one", "don't", "42", "über", "नदी"]), min_size=1), st.data())
def test_words_are_counted_whatever_divides_them(said: list[str], data: st.DataObject) -> None:
    marks = data.draw(st.lists(st.sampled_from([" ", "\n", " - ", ", ", "… ", "/", "_"]), min_size=len(said)))
    text = "".join(word + mark for word, mark in zip(said, marks, strict=False))
    assert len(words(text)) == len(said)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 5), st.integers(2, 5))
def test_repeating_a_sequence_raises_its_share(items: list[int], n: int, times: int) -> None:
    share = repeated_share(items, n)
    assert 0 <= share <= 1
    assert repeated_share(items * times, n) >= share
