r"""Answers of mathematics, compared exactly: rationals as fractions, all else as LaTeX text.

The text after the last `</think>` is read in one declared way (`extract`); the gold's type then chooses the comparison.
A gold that is a number is compared as an exact `Fraction`: only a number equals it, whatever its spelling. Any other is
compared as canonical LaTeX: white space, `\left`, `\dfrac`, braces around one token, `$` and a final dot do not matter.
Scans are linear, limits come before the parser, nothing is evaluated.

Covered: integers, digit groups (1,000), fractions, mixed numbers, decimals, scientific notation, percent where
the gold carries it, `x = 5` for 5, a unit missing on one side (a wrong one is refused), words, choice letters.
Not covered: equivalence of expressions, order of sets, intervals against inequalities, conversion of units, bases,
tolerances, and the form of an answer (10/2 is accepted for 5).

Source: the answer formats of GSM8K (arXiv:2110.14168) and MATH (arXiv:2103.03874). Differs from the source: their
graders compare strings.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from agentrl.errors import ConfigError
from agentrl.types import Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import PLACES, Extract, candidates

CASES = [
    # Each row is an answer, a response, options and a status. First, boxes.
    ("5", r"so \boxed{5}", {}, "correct"),
    ("5", r"so \fbox{5}.", {}, "correct"),
    ("5", r"so $\boxed 5$.", {}, "correct"),
    ("5", r"\boxed 57", {}, "malformed"),
    ("5", r"\boxed{}", {}, "malformed"),
    ("5", r"\boxed{5", {}, "malformed"),
    ("5", r"\boxed{5} and \boxed{5", {}, "malformed"),
    ("5", r"\boxed{\boxed{5}}", {}, "correct"),
    ("5", r"\boxed{4} is wrong: \boxed{5}", {}, "correct"),
    ("5", r"\boxed{5} or \boxed{4}", {}, "incorrect"),
    ("5", r"\boxed{4} or \boxed{5}", {"several": "reject_if_distinct"}, "malformed"),
    ("1/2", r"\boxed{0.5} \boxed{\frac12}", {"several": "reject_if_distinct"}, "correct"),
    (r"\{1,2\}", r"\boxed{\{1, 2\}}", {}, "correct"),
    ("5", r"<think>\boxed{4}</think>\boxed{5}", {}, "correct"),
    ("5", r"<think>\boxed{5}</think> done", {}, "no_answer"),
    ("5", r"<think>so \boxed{5}", {}, "no_answer"),
    ("5", r"\boxed{" + "5" * 513 + "}", {}, "malformed"),
    ("5", r"\boxed{" + "5" * 401 + "}", {}, "malformed"),
    # Extraction: the other ways.
    ("68", "21 + 47 = 68\n#### 68", {"extract": "hash"}, "correct"),
    ("68", "#### 7\n#### 68\nbye", {"extract": "hash"}, "correct"),
    ("68", "#### 68\n#### 7", {"extract": "hash"}, "incorrect"),
    ("68", "####", {"extract": "hash"}, "malformed"),
    ("68", "#### $68.00", {"extract": "hash"}, "correct"),
    ("18", "#### 18 dollars", {"extract": "hash"}, "correct"),
    ("5", "work\n**Answer:** 5", {"extract": "answer_line"}, "correct"),
    ("5", "Answer: 1=2=5", {"extract": "answer_line"}, "incorrect"),
    ("5", "The answer: 5", {"extract": "answer_line"}, "no_answer"),
    ("5", "so <answer> 5 </answer>", {"extract": "answer_tag"}, "correct"),
    ("5", "<answer>5</answer><answer>5</answer>", {"extract": "answer_tag"}, "malformed"),
    ("5", " **5.** ", {"extract": "final"}, "correct"),
    ("7", "42 and 7", {"extract": "final"}, "incorrect"),
    # Numbers.
    (r"\frac12", r"\boxed{1/2}", {}, "correct"),
    (r"\frac12", r"\boxed{0.5}", {}, "correct"),
    (r"\frac{1}{2}", r"\boxed{\dfrac 12}", {}, "correct"),
    ("3/2", r"\boxed{1\frac12}", {}, "correct"),
    ("-3/2", r"\boxed{-1 1/2}", {}, "correct"),
    ("3/2", r"\boxed{1 3/2}", {}, "incorrect"),
    ("1/0", r"\boxed{0}", {}, "incorrect"),
    ("1/3", r"\boxed{0.333333}", {}, "incorrect"),
    ("1000", r"\boxed{1,000}", {}, "correct"),
    (r"1{,}000", r"\boxed{1\,000}", {}, "correct"),
    (r"20,\!000", r"\boxed{20000}", {}, "correct"),
    ("1234", r"\boxed{1, 234}", {}, "incorrect"),
    ("12", r"\boxed{1 2}", {}, "incorrect"),
    ("12", r"\boxed{1$2}", {}, "incorrect"),
    ("2e-9", r"\boxed{1e-9}", {}, "incorrect"),
    ("0.00000001", r"\boxed{1e-8}", {}, "correct"),
    ("50", r"\boxed{5000}", {}, "incorrect"),
    ("-5", r"\boxed{−5}", {}, "correct"),
    ("5", r"\boxed{x = 5}", {}, "correct"),
    ("x=5", r"\boxed{y=5}", {}, "incorrect"),
    # Percent, money, units.
    (r"50\%", r"\boxed{50\%}", {}, "correct"),
    (r"50\%", r"\boxed{0.5}", {}, "correct"),
    (r"50\%", r"\boxed{50}", {}, "correct"),
    (r"50\%", r"\boxed{5000}", {}, "incorrect"),
    ("50", r"\boxed{50\%}", {}, "incorrect"),
    (r"\$5", r"\boxed{\$5.00}", {}, "correct"),
    ("5", r"\boxed{5\text{ cm}}", {}, "correct"),
    ("5", r"\boxed{5\text{ million}}", {}, "incorrect"),
    ("5", r"\boxed{\$5\text{ cm}}", {}, "incorrect"),
    (r"5\text{ million}", r"\boxed{5}", {}, "incorrect"),
    (r"5 \text{ m}", r"\boxed{5 \text{ km}}", {}, "incorrect"),
    (r"440\text{ cm}^2", r"\boxed{440}", {}, "correct"),
    (r"80^\circ", r"\boxed{80^{\circ}}", {}, "correct"),
    ("5x", r"\boxed{5}", {}, "incorrect"),
    # Text.
    ("(1,2)", r"\boxed{\left( 1, 2 \right)}", {}, "correct"),
    ("[1,2]", r"\boxed{(1,2)}", {}, "incorrect"),
    (r"\{1,2\}", r"\boxed{(1,2)}", {}, "incorrect"),
    (r"\sqrt{2}", r"\boxed{\sqrt2}", {}, "correct"),
    ("(x-2)(x-3)", r"\boxed{x^2-5x+6}", {}, "incorrect"),
    ("101", r"\boxed{101_2}", {}, "incorrect"),
    ("101_{2}", r"\boxed{101_2}", {}, "correct"),
    ("7=7", r"\boxed{3=3}", {}, "incorrect"),
    ("1/3", r"\boxed{\int_0^1 x^2 dx}", {}, "incorrect"),
    (r"\frac1{2006!}", r"\boxed{\frac1{2004!}}", {}, "incorrect"),
    (r"1, 2, \ldots, n", r"\boxed{2}", {}, "incorrect"),
    (r"\text{even}", r"\boxed{Even}", {}, "correct"),
    (r"\text{(B)}", r"\boxed{B}", {}, "correct"),
    ("B", r"\boxed{ABCD}", {}, "incorrect"),
    ("x", r"\boxed{X}", {}, "incorrect"),
    # Golds that cannot be used.
    ("", r"\boxed{5}", {}, "task_invalid"),
    (None, r"\boxed{5}", {}, "task_invalid"),
    ("5" * 513, r"\boxed{5}", {}, "task_invalid"),
]

MAX_CHARS = 512
MAX_DIGITS = 400


def verify(
    task: Task,
    transcript: Transcript,
    *,
    extract: Extract = "boxed",
    several: Literal["last", "reject_if_distinct"] = "last",
) -> Verdict:
    r"""Compare the reply's answer with the gold.

    Args:
        task: Its `answer` is the gold: a number, or LaTeX without its box.
        transcript: The last assistant message is the reply.
        extract: The last `\boxed{}`, what follows the last `####`, the last `Answer:` line, the only `<answer>`
            tag, or the whole reply.
        several: With more than one answer, take the last, or refuse answers that differ.

    Raises:
        ConfigError: An option has a value that does not exist; no text raises.
    """
    if extract not in PLACES or several not in ("last", "reject_if_distinct"):
        allowed = f"extract takes {', '.join(PLACES)}; several takes last, reject_if_distinct"
        raise ConfigError(f"{allowed}; got {extract!r} and {several!r}")
    gold = _gold(task.answer)
    if gold is None:
        return Verdict(0.0, "task_invalid", feedback="The task has no usable answer.")
    place = PLACES[extract]
    found = candidates(transcript.reply, extract)
    if not found:
        return Verdict(0.0, "no_answer", feedback=f"No answer was found; it is read from: {place}.")
    last = _parse(found[-1])
    if last is None:
        return Verdict(0.0, "malformed", feedback=f"The answer cannot be read from: {place}.")
    if several == "reject_if_distinct" and not all(_same_reading(last, _parse(other)) for other in found[:-1]):
        return Verdict(0.0, "malformed", feedback="The reply gives different answers.")
    if _equal(gold, last):
        return Verdict(1.0, "correct", answer=last.shown)
    return Verdict(0.0, "incorrect", answer=last.shown, feedback="The answer is not right.")


# Normal forms.


@dataclass(frozen=True, slots=True)
class _Answer:
    """Canonical text; for a number also its exact value, its unit and its symbol (x in x=5)."""

    text: str
    value: Fraction | None = None
    unit: str = ""
    symbol: str = ""
    words: bool = False  # text, not symbols: case does not matter

    @property
    def shown(self) -> str:
        return self.text if self.value is None else f"{self.value}{self.unit}"


def _gold(answer: Any) -> _Answer | None:
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return None
    if isinstance(answer, int) and answer.bit_length() > 4 * MAX_DIGITS:  # Python refuses to print it
        return None
    return _parse_once(str(answer))


_LONG = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")


def _parse(raw: str | None) -> _Answer | None:
    """Read one answer; None where there is none or it passes a limit."""
    text = "" if raw is None else raw.strip().strip("*").strip()
    if not text or len(text) > MAX_CHARS or _LONG.search(text):
        return None
    if text.isascii() and text.removeprefix("-").isdigit():
        return _Answer(text, Fraction(int(text)))  # by far the most frequent
    canonical = _canonical(text).removesuffix(".")
    return _number(canonical) or (_Answer(_loose(canonical), words='"' in canonical) if canonical else None)


_parse_once = functools.lru_cache(maxsize=4096)(_parse)


_TOKEN = re.compile(r"\\[A-Za-z]++|\\.|\s++|.", re.DOTALL)
_SAME = {"%": "\\%", "−": "-", "–": "-", "×": "\\times"} | dict.fromkeys(("\\dfrac", "\\tfrac", "\\cfrac"), "\\frac")
_GAP = re.compile(r"\\(?:[,;: \n()\[\]]|q?quad|left|right)|~|\$|\s++")
_THIN = "\u2009"  # stands for `\,`, which may separate groups of digits
_TEXT = ("\\text", "\\mbox", "\\textbf", "\\textit", "\\textrm", "\\textnormal", "\\mathrm", "\\mathbf")
_DIGITS = frozenset("0123456789")


def _canonical(text: str) -> str:
    r"""LaTeX in one spelling: `{x}` is `x`, `\text{..}` is `".."`, a space stays after a digit or a comma."""
    out: list[str] = []
    groups: list[tuple[int, str]] = []
    gap = ""
    for token in (_SAME.get(t, t) for t in _TOKEN.findall(text.replace("°", "^\\circ"))):
        if token == "\\!":
            continue
        if _GAP.fullmatch(token):
            gap = _THIN if token == "\\," and not gap else " "
            continue
        if gap and out and (out[-1] in _DIGITS or out[-1] == ",") and token.isalnum():
            out.append(gap if out[-1] in _DIGITS and token in _DIGITS else " ")
        gap = ""
        if token == "{":
            wrapper = out.pop() if out and (out[-1] in _TEXT or out[-1] in ("\\boxed", "\\fbox")) else ""
            groups.append((len(out), wrapper))
            out.append(token)
        elif token == "}" and groups:
            _close(out, *groups.pop())
        else:
            out.append(token)
    return "".join(out)


def _close(out: list[str], start: int, wrapper: str) -> None:
    inner = out[start + 1 :]
    if wrapper in _TEXT and any(token.isalpha() for token in inner):
        out[start:] = [f'"{"".join(inner)}"']
    elif wrapper or len(inner) == 1:
        out[start:] = inner
    else:
        out.append("}")


def _loose(canonical: str) -> str:
    """For comparison as text: spaces count between digits only, and a choice letter needs no brackets."""
    text = re.sub(r"(?<![0-9]) | (?![0-9])", "", canonical).replace('"', "").replace(_THIN, " ")
    if len(text) == 3 and text[0] == "(" and text[2] == ")" and "A" <= text[1] <= "Z":
        return text[1]
    return text


_INT = rf"(?>[0-9]{{1,3}}(?:[,{_THIN}][0-9]{{3}})++|[0-9]++)"
_ARG = rf"(?:[0-9]|\{{-?{_INT}\}})"
_NUMBER = re.compile(
    rf"""(?:(?P<symbol>[A-Za-z])=)?+
    (?P<lead>[+-]?+(?:\\\$)?+|\\\$[+-])
    (?: (?P<whole>{_INT})?\\frac(?P<above>{_ARG})(?P<below>{_ARG})
      | (?:(?P<whole_>{_INT})[ ])?(?P<above_>{_INT})/(?P<below_>{_INT})
      | (?P<decimal>{_INT}(?:\.[0-9]*+)?+|\.[0-9]++)
        (?:(?:[eE]|\\(?:times|cdot)10\^)(?P<power>[+-]?[0-9]++|\{{[+-]?[0-9]++\}}))?+ )
    (?P<unit>[ ]?"[^"]++"(?:\^[23])?+|[ ][A-Za-z]++(?:\^[23])?+|\\%|\^\\circ|\\\$)?+""",
    re.VERBOSE,
)
_SCALES = re.compile("hundred|thousand|million|billion|trillion|dozen|half|halves|third|quarter")
_UNIT_NAMES = {"^\\circ": "degree", "percent": "\\%", "dollar": "\\$", "feet": "foot", "inches": "inch"}
_LENGTHS = ("mm", "cm", "m", "km", "in", "inch", "ft", "foot", "yd", "yard", "mi", "mile")
_OTHER_UNITS = r"""\$ cent euro degree mg g kg gram lb pound oz ounce ml l liter litre gallon sec second min minute hr
hour day week month year mph unit squareunit cubicunit people person student book page egg apple card"""
_UNITS = {*_LENGTHS, *(f"{u}^{n}" for u in _LENGTHS for n in "23"), *_OTHER_UNITS.split()}


def _number(canonical: str) -> _Answer | None:
    match = _NUMBER.fullmatch(canonical)
    if match is None:
        return None
    value = _magnitude(match)
    unit = _unit(match["unit"] or "")
    if value is None or _SCALES.search(unit):
        return None
    if "$" in match["lead"]:
        if unit not in ("", "\\$"):
            return None
        unit = "\\$"
    return _Answer(canonical, -value if "-" in match["lead"] else value, unit, match["symbol"] or "")


def _magnitude(match: re.Match[str]) -> Fraction | None:
    if match["decimal"] is not None:
        power = int(match["power"].strip("{}")) if match["power"] else 0
        digits = match["decimal"].replace(",", "").replace(_THIN, "").removesuffix(".")
        return Fraction(digits) * Fraction(10) ** power if abs(power) <= MAX_DIGITS else None
    above, below = _int(match["above"] or match["above_"]), _int(match["below"] or match["below_"])
    whole = match["whole"] or match["whole_"]
    if below == 0 or (whole and not 0 <= above < below):  # 1 3/2 is no mixed number
        return None
    return Fraction(above, below) + (_int(whole) if whole else 0)


def _int(text: str) -> int:
    return int(text.strip("{}").replace(",", "").replace(_THIN, ""))


def _unit(text: str) -> str:
    name = text.replace('"', "").strip()
    name = name.casefold() if len(name) > 3 else name  # Mg is not mg
    name = _UNIT_NAMES.get(name, name)
    singular = name.removesuffix("s") if len(name) > 3 else name
    return _UNIT_NAMES.get(singular, singular)


def _equal(gold: _Answer, reply: _Answer) -> bool:
    """Whether a reply's answer is the gold; the gold's type decides how it is compared."""
    if gold.value is None or reply.value is None:
        same = gold.text == reply.text or (gold.words and gold.text.casefold() == reply.text.casefold())
        return same and gold.value is reply.value
    if gold.symbol and reply.symbol and gold.symbol != reply.symbol:
        return False
    if gold.unit == "\\%" and not reply.unit:
        return reply.value in (gold.value, gold.value / 100)
    unit_fits = reply.unit in ("", gold.unit) or (not gold.unit and reply.unit in _UNITS)
    return unit_fits and gold.value == reply.value


def _same_reading(last: _Answer, other: _Answer | None) -> bool:
    return other is not None and (_equal(last, other) or _equal(other, last))
