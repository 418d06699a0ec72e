r"""The atoms of the grammar: numbers, variables, brackets, and what each LaTeX command stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from agentrl.verifiers._math.brackets import bracketed, group, of_command
from agentrl.verifiers._math.cursor import Grammar, UnreadableError
from agentrl.verifiers._math.lexer import FUNCTIONS, GREEK, Token
from agentrl.verifiers._math.limits import MAX_DIGITS, OverLimitError
from agentrl.verifiers._math.tree import Apply, Based, Constant, Node, Number, Quantity, Symbol, Text
from agentrl.verifiers._math.words import BASE_WORDS

__all__ = ["MONEY", "argument", "atom", "number", "script"]

TWO = Number(Fraction(2))
_ARC = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "sec": "arcsec", "csc": "arccsc", "cot": "arccot"}
MONEY = {r"\$": "$", r"\euro": "€", r"\pound": "£", r"\pounds": "£"}
_CALLS = frozenset("fgh")
_NAMES: dict[str, Node] = {
    "pi": Constant("pi"),
    "e": Constant("e"),
    "i": Constant("i"),
    **dict.fromkeys(("infty", "infinity", "inf", "oo"), Constant("infinity")),
}


def number(spelling: str) -> Number:
    """A number from its digits.

    Raises:
        OverLimitError: Its exponent is too large.

    >>> number("2.50"), number("1e3").value
    (Number(value=Fraction(5, 2), spelt='decimal', places=2), Fraction(1000, 1))
    """
    digits, repeating, period = spelling.partition("(")
    if repeating:
        return _repeating(digits, period)
    digits, mark, power = spelling.lower().partition("e")
    exponent = int(power) if mark and len(power) <= 5 else 0
    if (mark and len(power) > 5) or abs(exponent) > MAX_DIGITS:
        raise OverLimitError("exponent too large")
    places = len(digits.partition(".")[2])
    value = Fraction(digits)
    if mark:
        return Number(value * Fraction(10) ** exponent, "scientific", max(places - exponent, 0))
    return Number(value, "decimal" if "." in digits else "integer", places)


def _repeating(digits: str, period: str) -> Number:
    """0.1666... is 0.1 + 6/90."""
    places = len(digits.partition(".")[2])
    start = Fraction(digits + "0")
    return Number(start + Fraction(int(period), 10**places * (10 ** len(period) - 1)), "decimal", 0)


def atom(at: Grammar) -> Node:
    """Read one atom."""
    token = at.take()
    if token.kind == "number":
        return _number(at, token)
    if token.kind == "letters":
        return _letters(at, token)
    if token.kind == "text":
        return _text(at, token)
    if token.kind == "command":
        return _command(at, token.text)
    with at.nested():
        return _mark(at, token.text)


def _number(at: Grammar, token: Token) -> Node:
    if token.text.isdigit():
        if at.sees("_"):
            return _based(at, token.text)
        if mixed := _mixed(at, token):
            return mixed
    return number(token.text)


def _based(at: Grammar, digits: str) -> Number | Based:
    at.expect("_")
    below = script(at)
    base = below.value if isinstance(below, Number) else Fraction(0)
    if isinstance(below, Text):
        base = Fraction(BASE_WORDS.get(below.text.strip(), 0))
    try:
        int(digits, int(base) if base.denominator == 1 and 2 <= base <= 36 else 1)
    except ValueError as error:
        raise UnreadableError(f"no digits of base {base}") from error
    return number(digits) if base == 10 else Based(digits.upper().lstrip("0") or "0", int(base))


def _mixed(at: Grammar, whole: Token) -> Node | None:
    r"""`1\frac12` and `1 1/2`; a fraction of digits that is not below 1 makes it unreadable."""
    above, slash, below = at.token, at.ahead(1), at.ahead(2)
    if at.sees(r"\frac"):
        at.take()
        part = _fraction(at)
        if not (isinstance(part, Apply) and all(_is_integer(x) for x in part.args)):
            at.put_back()
            return Apply("mul", (number(whole.text), part))
        top, bottom = (x.value for x in part.args if isinstance(x, Number))
    elif above.kind == "number" and above.gap and slash.text == "/" and below.kind == "number":
        if not (above.text.isdigit() and below.text.isdigit()):
            raise UnreadableError("numbers side by side")
        for _ in range(3):
            at.take()
        top, bottom = Fraction(above.text), Fraction(below.text)
    else:
        return None
    if not 0 <= top < bottom:
        raise UnreadableError("no mixed number")
    return Number(Fraction(whole.text) + top / bottom, "mixed")


def _is_integer(node: Node) -> bool:
    return isinstance(node, Number) and node.spelt == "integer"


def _letters(at: Grammar, token: Token) -> Node:
    name = token.text
    if name == "sqrt":  # plain text: the whole number stands under the root
        with at.nested():
            under = number(at.take().text) if at.token.kind == "number" else argument(at)
        return Apply("root", (under, TWO))
    if name in _NAMES and not at.sees("_"):
        return _NAMES[name]
    if name in FUNCTIONS:
        return _function(at, name)
    if name in GREEK or len(name) == 1:
        return _symbol(at, name)
    at.put_back(*(Token("letters", letter) for letter in name[1:]))  # a power concerns the last variable alone
    return _letters(at, Token("letters", name[0]))


def _symbol(at: Grammar, name: str) -> Node:
    if at.accept("_"):
        below = _word_below(at) or script(at)
        if not isinstance(below, Number | Symbol | Text | Constant):
            raise UnreadableError("a subscript that is no name")
        name = f"{name}_{_label(below)}"
    while at.accept("'", r"\prime"):
        name += "'"
    if name.rstrip("'") in _CALLS and at.sees("(") and not at.token.gap:
        at.take()
        with at.inside():
            inner = _items(at, ")")
        return Apply(f"call:{name}", tuple(inner))
    return Symbol(name)


def _word_below(at: Grammar) -> Symbol | None:
    """The word of `V_{max}`."""
    word = at.ahead(1)
    if not at.sees("{") or word.kind != "letters" or at.ahead(2).text != "}":
        return None
    for _ in range(3):
        at.take()
    return Symbol(word.text)


def _label(node: Number | Symbol | Text | Constant) -> str:
    match node:
        case Number(value=value):
            return str(value)
        case Text(text=text):
            return text
        case Symbol(name=name) | Constant(name=name):
            return name


def _items(at: Grammar, closing: str) -> list[Node]:
    items = [at.sum()]
    while at.accept(","):
        items.append(at.sum())
    at.expect(closing)
    return items


_DIGITS_AND_LETTERS = re.compile(r"[0-9A-Z]++")


def _text(at: Grammar, token: Token) -> Node:
    if at.sees("_") and _DIGITS_AND_LETTERS.fullmatch(token.text):
        return _based(at, token.text)
    return Text(token.text)


# Marks.


def _mark(at: Grammar, mark: str) -> Node:
    if mark == "|":
        return _absolute(at)
    if mark == "{":
        return group(at)
    if mark in ("(", "[", r"\{"):
        with at.inside():
            return bracketed(at, mark)
    raise UnreadableError(mark)


def _absolute(at: Grammar) -> Node:
    at.bars += 1
    node = at.sum()
    at.expect("|")
    at.bars -= 1
    return Apply("abs", (node,))


# Commands.


def argument(at: Grammar) -> Node:
    r"""The argument of a command: `{...}`, `(...)` in plain text, one digit, one letter, or one command."""
    token = at.token
    if token.kind == "number" and token.text.isdigit():
        at.take()
        if len(token.text) > 1:
            at.put_back(Token("number", token.text[1:]))
        return number(token.text[0])
    if token.kind == "mark" and token.text not in ("{", "("):
        raise UnreadableError(token.text)
    return atom(at)


def script(at: Grammar) -> Node:
    """A subscript or an exponent: the argument of a command, but a number is taken whole, with its sign."""
    if at.token.kind == "number":
        return number(at.take().text)
    with at.nested():
        if at.accept("-"):
            return Apply("neg", (script(at),))
        if at.token.kind == "mark" and not at.sees("{", "("):
            raise UnreadableError(at.token.text)
        return atom(at)


def _fraction(at: Grammar) -> Node:
    above = argument(at)
    below = argument(at)
    if _is_differential(above) and _is_differential(below):
        raise UnreadableError("a derivative")
    return Apply("div", (above, below))


def _is_differential(node: Node) -> bool:
    r"""Whether a part of a fraction is the d of a derivative: `d`, `d^2`, `dx`, `\partial x`."""
    first = node.args[0] if isinstance(node, Apply) and node.op in ("mul", "pow") else node
    if isinstance(first, Apply) and first.op in ("mul", "pow"):
        return _is_differential(first)
    return isinstance(first, Symbol) and first.name in ("d", "partial")


def _root(at: Grammar) -> Node:
    index: Node = TWO
    if at.accept("["):
        with at.inside():
            index = at.sum()
            at.expect("]")
    return Apply("root", (argument(at), index))


def _binomial(at: Grammar) -> Node:
    return Apply("binomial", (argument(at), argument(at)))


def _function(at: Grammar, name: str) -> Node:
    r"""`\sin x`, `\sin^2 x`, `\log_2 8`, `\max(a, b)`; without brackets the argument ends before another function."""
    base: Node | None = None
    power: Node | None = None
    while at.sees("_", "^"):
        if at.take().text == "_":
            base = script(at)
        else:
            power = script(at)
    if power == Apply("neg", (Number(Fraction(1)),)) and name in _ARC:
        name, power = _ARC[name], None
    if base is not None and name not in ("log", "lg"):
        raise UnreadableError(f"a subscript of {name}")
    if name in ("log", "lg"):
        base = base or Number(Fraction(10))
    node = Apply(_FUNCTION_NAMES.get(name, name), (*_arguments(at), *([base] if base is not None else [])))
    return node if power is None else Apply("pow", (node, power))


_FUNCTION_NAMES = {"lg": "log", "deg": "degree_of"}


def _arguments(at: Grammar) -> list[Node]:
    if at.sees("(", "["):
        closing = ")" if at.take().text == "(" else "]"
        with at.inside(), at.nested():
            return _items(at, closing)
    factors = [_argument_factor(at)]
    while at.token.kind in ("letters", "number", "command") and _goes_on(at):
        factors.append(_argument_factor(at))
    return [factors[0] if len(factors) == 1 else Apply("mul", tuple(factors))]


def _argument_factor(at: Grammar) -> Node:
    with at.nested():
        if at.accept("-"):
            return Apply("neg", (_argument_factor(at),))
        return at.factor()


def _goes_on(at: Grammar) -> bool:
    token = at.token
    if token.kind == "letters":
        return token.text not in FUNCTIONS and (len(token.text) == 1 or token.text in GREEK or token.text == "pi")
    return token.kind == "command" and (token.text[1:] in GREEK or token.text in (r"\pi", r"\frac", r"\sqrt"))


def _unevaluated(name: str) -> Callable[[Grammar], Node]:
    """An operation that is not carried out: its bounds and its body are kept, and nothing is computed."""

    def read(at: Grammar) -> Node:
        bounds = []
        while at.sees("_", "^"):
            at.take()
            with at.nested():
                bounds.append(_bound(at))
        with at.nested():
            return Apply(name, (at.product(), *bounds))

    return read


def _bound(at: Grammar) -> Node:
    if not at.accept("{"):
        return script(at)
    node = at.relation()
    if at.accept(r"\to", r"\rightarrow"):
        node = Apply("call:to", (node, at.sum()))
    at.expect("}")
    return node


def _between(name: str, closing: str) -> Callable[[Grammar], Node]:
    def read(at: Grammar) -> Node:
        with at.inside(), at.nested():
            node = at.sum()
            at.expect(closing)
        return Apply(name, (node,))

    return read


def _conjugate(at: Grammar) -> Node:
    inner = argument(at)
    if isinstance(inner, Apply) and all(isinstance(part, Symbol) for part in inner.args) and inner.op == "mul":
        raise UnreadableError("the name of a segment")
    return Apply("conjugate", (inner,))


_COMMANDS: dict[str, Callable[[Grammar], Node]] = {
    r"\frac": _fraction,
    r"\sqrt": _root,
    r"\binom": _binomial,
    r"\int": _unevaluated("integral"),
    r"\sum": _unevaluated("sum"),
    r"\prod": _unevaluated("product"),
    r"\lim": _unevaluated("limit"),
    r"\lfloor": _between("floor", r"\rfloor"),
    r"\lceil": _between("ceil", r"\rceil"),
    r"\overline": _conjugate,
    r"\bar": _conjugate,
}


def _command(at: Grammar, command: str) -> Node:
    name = command[1:]
    with at.nested():
        if command in _COMMANDS:
            return _COMMANDS[command](at)
        if name in _NAMES:
            return _NAMES[name]
        if name in FUNCTIONS or name in _ARC.values():
            return _function(at, name)
        if name in GREEK or name == "partial":
            return _symbol(at, name)
        if command in MONEY:
            minus = at.accept("-")
            amount = at.factor()
            return Quantity(Apply("neg", (amount,)) if minus else amount, MONEY[command])
        if command in (r"\boxed", r"\fbox", r"\mathrm", r"\mathbf", r"\mathit", r"\boldsymbol", r"\text"):
            return argument(at)
        return of_command(at, command)
