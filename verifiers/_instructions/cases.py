"""The truth table of the `instructions` verifier: rows of (answer, response, options, status)."""

from __future__ import annotations

from typing import Any

__all__ = ["CASES"]

_SAID = "The old harbour town woke slowly under a pale morning sky"
_HINDI = "यह एक सरल वाक्य है जो हिंदी भाषा में लिखा गया है और बहुत लंबा नहीं है"


def asked(*rows: tuple[str, dict[str, Any]], prompt: str = "", example: str | None = None) -> dict[str, Any]:
    """An answer with these instructions."""
    return {"instructions": [{"id": id, "kwargs": kwargs} for id, kwargs in rows], "prompt": prompt, "example": example}


_WORDS = asked(("length_constraints:number_words", {"num_words": 5, "relation": "at least"}), example=_SAID)
_GULLS = asked(("keywords:existence", {"keywords": ["gulls"]}))
_BOTH = asked(
    ("keywords:existence", {"keywords": ["harbour", "town"]}),
    ("punctuation:no_comma", {}),
    ("keywords:frequency", {"keyword": "sky", "frequency": 2, "relation": "at least"}),
    prompt="Describe a harbour town in a sentence without a comma and name the sky twice.",
    example=f"{_SAID} and the sky cleared",
)
_TWICE = asked(
    ("change_case:capital_word_frequency", {"capital_relation": "less than", "capital_frequency": 3}),
    ("change_case:capital_word_frequency", {"capital_relation": "at least", "capital_frequency": 1}),
    example="Words like THIS are in capital letters",
)
_REPEAT = asked(
    ("combination:repeat_prompt", {"prompt_to_repeat": "Name a colour."}),
    prompt="Name a colour.\nFirst repeat the request word for word, then give your answer.",
    example="Name a colour.\nBlue like the sea",
)
_LOOP = "fine grey gulls cried over the long stone pier " * 12
_LONG = f"{_SAID} while the gulls circled over the boats and the first nets came in, heavy and dripping, from the sea."

CASES: list[tuple[Any, str, dict[str, Any], str]] = [
    (_WORDS, _SAID, {}, "correct"),
    (_WORDS, "Four words are here", {}, "incorrect"),
    (_WORDS, f"<think>one two</think>{_SAID}", {}, "correct"),
    (_WORDS, f"<think>{_SAID}</think> no", {}, "incorrect"),
    (_WORDS, f"<think>{_SAID}", {}, "no_answer"),
    (_WORDS, "", {}, "no_answer"),
    (_WORDS, " \n ", {}, "no_answer"),
    (_WORDS, "*** --- ...", {}, "no_answer"),
    (_WORDS, "a b c d e f", {}, "incorrect"),  # too short for an answer
    (_GULLS, "gulls", {}, "incorrect"),
    (_GULLS, "gulls", {"min_letters": 5}, "correct"),
    (_GULLS, _LOOP, {}, "incorrect"),
    (_GULLS, _LOOP, {"gate": "none"}, "correct"),
    (_WORDS, "word " * 20_000, {}, "malformed"),
    ({**_WORDS, "prompt": _SAID, "example": None}, _SAID, {}, "incorrect"),  # the prompt echoed
    (_BOTH, _SAID, {}, "incorrect"),
    (_BOTH, f"{_SAID}: the sky", {}, "correct"),
    (_BOTH, _LONG, {"reward": "fraction"}, "partial"),
    (_BOTH, _LONG.replace(",", ""), {"reward": "fraction"}, "partial"),
    (_BOTH, "I am sorry, I cannot help.", {"reward": "fraction"}, "incorrect"),
    (_BOTH, "A harbour, a town", {"reward": "fraction"}, "incorrect"),  # short: nothing for a part
    (_TWICE, "Words like THIS are in capital letters", {}, "correct"),
    (_TWICE, "No word here is in capital letters", {}, "incorrect"),
    (_TWICE, "THREE WORDS HERE are in capital letters", {}, "incorrect"),
    (_REPEAT, "Name a colour.\nBlue like the sea", {}, "correct"),
    (_REPEAT, "name a   colour. Blue like the sea", {}, "correct"),
    (_REPEAT, "Blue like the sea", {}, "incorrect"),
    (_REPEAT, _REPEAT["prompt"], {}, "incorrect"),
    (asked(("change_case:english_capital", {})), _SAID.upper(), {}, "correct"),
    (asked(("change_case:english_capital", {})), _SAID, {}, "incorrect"),
    (asked(("change_case:english_lowercase", {})), _SAID.lower(), {}, "correct"),
    (asked(("language:response_language", {"language": "hi"})), _HINDI, {}, "correct"),
    (asked(("language:response_language", {"language": "hi"})), _SAID, {}, "incorrect"),
    (asked(("detectable_format:constrained_response", {})), "My answer is yes.", {}, "correct"),
    (asked(("detectable_format:constrained_response", {})), "My answer is yes. My answer is no.", {}, "incorrect"),
    # Tasks that cannot be used.
    (asked(("keywords:exist", {"keywords": ["a"]})), _SAID, {}, "task_invalid"),
    (asked(("keywords:existence", {"keywords": []})), _SAID, {}, "task_invalid"),
    (asked(("keywords:existence", {"words": ["a"]})), _SAID, {}, "task_invalid"),
    (asked(("punctuation:no_comma", {"relation": "at least"})), _SAID, {}, "task_invalid"),
    (asked(("length_constraints:number_words", {"num_words": 5, "relation": "more"})), _SAID, {}, "task_invalid"),
    (asked(("length_constraints:number_words", {"num_words": 0, "relation": "at least"})), _SAID, {}, "task_invalid"),
    (asked(("language:response_language", {"language": "xx"})), _SAID, {}, "task_invalid"),
    (asked(), _SAID, {}, "task_invalid"),
    (None, _SAID, {}, "task_invalid"),
]
