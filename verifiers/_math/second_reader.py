r"""LaTeX that our own reader cannot read, read by Math-Verify; only in a worker.

Its reading is used, not its verdict: it becomes one of our trees, and what is compared is that tree. It is asked only
about a plain expression: not about units, percent, sets, relations, lists or bases, which it drops or mixes up, nor
about an operation that is not carried out, which it would carry out for the model. A number with a decimal point is
refused: it is exact here and a float there.
"""

from __future__ import annotations

import re
from typing import Any

from agentrl.verifiers._math.symbolic import NoExpressionError, tree_of
from agentrl.verifiers._math.tree import Node

__all__ = ["read"]

MAX_CHARS = 512
_COMMANDS = re.compile(r"\\([A-Za-z]++|.)", re.DOTALL)
_FUNCTIONS = (
    *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "exp", "ln", "log"),
)
_LAYOUT = (
    *("left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "lvert", "rvert", "vert"),
    *("displaystyle", "textstyle", "operatorname", "mathit", "mathrm", "quad", " ", ",", ";", ":", "!"),
)
_GREEK = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "omega")
_OPERATIONS = ("frac", "dfrac", "tfrac", "cfrac", "sqrt", "cdot", "times", "div", "binom", "dbinom", "pi")
_KNOWN = frozenset((*_FUNCTIONS, *_LAYOUT, *_GREEK, *_OPERATIONS))
_PLAIN = re.compile(r"[A-Za-z0-9\\{}()^_+\-*/|! \n]*+")
_BASE = re.compile(r"[0-9)}]\s*+_")
_ROMAN = re.compile(r"\\(?:mathrm|mathit|operatorname)\s*+\{([A-Za-z]*+)\}")


def read(text: str) -> Node | None:
    """The tree of a plain expression; None where Math-Verify cannot read it, or must not be asked."""
    if not _may_be_asked(text):
        return None
    found = _parsed(text)
    if found is None:
        return None
    try:
        return tree_of(found)
    except (NoExpressionError, RecursionError):
        return None


def _may_be_asked(text: str) -> bool:
    if len(text) > MAX_CHARS or not text.strip() or _BASE.search(text):
        return False
    if any(name not in _FUNCTIONS for name in _ROMAN.findall(text)):
        return False
    commands = _COMMANDS.findall(text)
    plain = _COMMANDS.sub(" ", text)
    return _PLAIN.fullmatch(plain) is not None and all(command in _KNOWN for command in commands)


def _parsed(text: str) -> Any:
    """What Math-Verify reads: one expression, or None."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    config = LatexExtractionConfig(
        try_extract_without_anchor=False,
        boxed_match_priority=0,
        normalization_config=NormalizationConfig(units=False, malformed_operators=False, boxed="last"),
    )
    # Its own time limit is a signal: it is switched off, because the caller kills the worker.
    found = parse(f"\\boxed{{{text}}}", extraction_config=[config], fallback_mode="no_fallback", parsing_timeout=None)
    return found[0] if len(found) == 1 else None
