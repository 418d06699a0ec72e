r"""LaTeX in one spelling, and the limits on a text that come before any parser.

White space, `\left`, `\dfrac`, braces around one token, `$` and a final dot do not matter; case does.
"""

from __future__ import annotations

import re
import unicodedata

from agentrl.verifiers._math.limits import MAX_CHARS, MAX_DIGITS, OverLimitError

__all__ = ["bare", "canonical", "folded", "loose"]

_LONG = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")


def bare(raw: str) -> str:
    """An answer without the white space, the `**` and the final dot around it.

    Raises:
        OverLimitError: It is too long, or a number in it is.
    """
    if len(raw) > MAX_CHARS + 64:
        raise OverLimitError("too long")
    text = raw.strip()
    if text.startswith("*") or text.endswith("**"):
        text = text.strip("*").strip()
    if text.endswith("\\") and not text.endswith("\\\\"):
        text = text[:-1].rstrip()  # the space of a last `\ ` is gone
    if len(text) > MAX_CHARS or _LONG.search(text):
        raise OverLimitError("too long")
    return text


_TOKEN = re.compile(r"\\[A-Za-z]++|\\.|\s++|.", re.DOTALL)
_SAME = {"%": "\\%", "−": "-", "–": "-", "×": "\\times"} | dict.fromkeys(("\\dfrac", "\\tfrac", "\\cfrac"), "\\frac")
_GAP = re.compile(r"\\(?:[,;: \n()\[\]]|q?quad|left|right)|~|\$|\s++")
_THIN = "\u2009"  # stands for `\,`, which may separate groups of digits
TEXT_COMMANDS = ("\\text", "\\mbox", "\\textbf", "\\textit", "\\textrm", "\\textnormal", "\\mathrm", "\\mathbf")
_DIGITS = frozenset("0123456789")


def canonical(text: str) -> str:
    r"""LaTeX in one spelling: `{x}` is `x`, `\text{..}` is `".."`, a space stays after a digit or a comma.

    >>> canonical(r"\left( \dfrac {1}{2} , 3 \right)"), canonical(r"5 \text{ cm}")
    ('(\\frac12, 3)', '5"cm"')
    """
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
            wrapper = out.pop() if out and (out[-1] in TEXT_COMMANDS or out[-1] in ("\\boxed", "\\fbox")) else ""
            groups.append((len(out), wrapper))
            out.append(token)
        elif token == "}" and groups:
            _close(out, *groups.pop())
        else:
            out.append(token)
    return "".join(out).removesuffix(".")


def _close(out: list[str], start: int, wrapper: str) -> None:
    inner = out[start + 1 :]
    if wrapper in TEXT_COMMANDS and any(token.isalpha() for token in inner):
        out[start:] = [f'"{"".join(inner)}"']
    elif wrapper or len(inner) == 1:
        out[start:] = inner
    else:
        out.append("}")


_NEEDLESS_SPACE = re.compile(r"(?<![0-9]) | (?![0-9])")


def loose(spelling: str) -> str:
    """A canonical spelling for comparison as text: spaces count between digits only, and wrappers of text do not."""
    return _NEEDLESS_SPACE.sub("", spelling).replace('"', "").replace(_THIN, " ")


def folded(text: str) -> str:
    r"""Words for comparison without regard to case, width and spacing.

    >>> folded(r"\text{ New  York.}") == folded("new york")
    True
    """
    plain = unicodedata.normalize("NFKC", loose(canonical(text))).casefold()
    return "".join(plain.split()).strip(".")
