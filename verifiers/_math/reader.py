r"""From an answer's text to its tree, by recursive descent: linear, bounded in depth, nothing computed.

    listing   relation {("," | ";" | "and" | "or") relation}
    relation  [name "="] side {("=" | "<" | "\le" | ...) side}
    side      sum [unit] {("\cup" | "\cap" | "\setminus") sum [unit]}
    sum       ["+" | "-" | "\pm"] product {("+" | "-" | "\pm") product}
    product   factor {["*" | "/"] factor}
    factor    atom {"^" exponent | "!" | "%" | "degree"}

What the grammar does not cover has no tree: it is compared as text only.
"""

from __future__ import annotations

import re
from typing import Literal

from agentrl.verifiers._math import units
from agentrl.verifiers._math.atoms import MONEY, atom, script
from agentrl.verifiers._math.brackets import OVER, over
from agentrl.verifiers._math.cursor import Grammar, UnreadableError
from agentrl.verifiers._math.lexer import FUNCTIONS, GREEK, Token, tokens
from agentrl.verifiers._math.limits import check_tree
from agentrl.verifiers._math.settle import settled
from agentrl.verifiers._math.tree import Apply, Listing, Node, Number, Quantity, Relation, Text, Union
from agentrl.verifiers._math.words import (
    BARE_UNITS,
    SCALES,
    after_lead,
    connector,
    is_lead,
    is_word,
    name_before_colon,
    name_before_equals,
    named_value,
    time_of_day,
    unit_name,
)

__all__ = ["read"]

_RELATIONS = {
    "=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\ne": "!=", r"\in": "in", "in": "in",
    r"\notin": "notin", r"\approx": "approx", r"\equiv": "equiv", r"\sim": "approx", ":": ":",
}  # fmt: skip
_SET_OPERATIONS: dict[str, Literal["cup", "cap", "minus"]] = {
    r"\cup": "cup", "union": "cup", r"\cap": "cap", r"\setminus": "minus",
}  # fmt: skip
_STARTS = frozenset(("(", "[", "{", "|", r"\{"))
_NO_FACTOR = frozenset(
    (*_RELATIONS, *_SET_OPERATIONS, r"\pm", r"\mp", r"\to", r"\rightarrow", r"\mid", r"\and", r"\or")
)
_NO_FACTOR_EITHER = frozenset(
    (r"\end", r"\rangle", r"\rfloor", r"\rceil", r"\circ", r"\degree", "\\\\", r"\prime", *OVER)
)
_DIGITS = frozenset("0123456789")
_WHOLE_WORD = re.compile(r"[A-Za-z]{2,}+")
_LETTERS_IN_TEXT = re.compile(r"[A-Za-z0-9](?:\s*+,\s*+[A-Za-z0-9])++")


def read(text: str, groups: Literal["join", "split"] = "join") -> Node | None:
    r"""The tree of an answer; None where the text is not in the grammar.

    Args:
        text: An answer within the limits on characters and digits.
        groups: Whether `1,234` outside brackets is one number or two.

    Raises:
        OverLimitError: It is larger than any honest answer.

    >>> read("x=5")
    Relation(sides=(Symbol(name='x'), Number(value=Fraction(5, 1), spelt='integer', places=0)), ops=('=',))
    >>> read("2 +* 3") is None
    True
    """
    word = text.strip(" .$")
    if _WHOLE_WORD.fullmatch(word) and is_word(word):
        return named_value(word) or Text(word)
    if (time := time_of_day(text)) is not None:
        return time
    try:
        found = settled(_Reader(tokens(text, groups)).whole())
    except UnreadableError:
        return None
    check_tree(found)
    return _inside_text(found.text.strip(" ."), found) if isinstance(found, Text) else found


def _inside_text(inside: str, whole: Text) -> Node:
    r"""What words hold: `\text{A, C, F}` is a list of letters, `\text{12 cm}` a quantity."""
    if _LETTERS_IN_TEXT.fullmatch(inside):
        return read(inside) or whole
    if (value := named_value(inside)) is not None:
        return value
    inside = after_lead(inside)
    found = read(inside) if inside[:1] in _DIGITS else None
    numbers = isinstance(found, Listing) and all(isinstance(item, Number) for item in found.items)
    return found if found is not None and (isinstance(found, Number | Quantity) or numbers) else whole


class _Reader(Grammar):
    def whole(self) -> Node:
        """The answer, to the last token."""
        if self.token.kind == "text" and is_lead(self.token.text) and self.ahead(1).kind != "end":
            self.take()
            self.accept(":", "=")
        if self.ahead(1).kind == "end" and self.token.kind == "mark":
            raise UnreadableError(self.token.text)
        node = over(self, self._listing())
        self.accept(".")
        if self.token.kind != "end":
            raise UnreadableError(self.token.text)
        return node

    def _listing(self) -> Node:
        items = [self.relation()]
        said: set[str] = set()
        while True:
            comma = self.accept(",", ";")
            word = self._connector()
            if word:
                said.add(word)
            if not comma and not word:
                break
            items.append(self.relation())
        if len(items) == 1:
            return items[0]
        if len(said) > 1:
            raise UnreadableError("and with or")
        words: Literal["", "and", "or"] = "or" if "or" in said else "and" if "and" in said else ""
        return Listing(tuple(items), words)

    def _connector(self) -> str:
        token = self.token
        if token.kind in ("text", "letters") or token.text in (r"\and", r"\or"):
            word = connector(token.text.removeprefix("\\"))
            if word:
                self.take()
            return word
        return ""

    def relation(self) -> Node:
        """Sides with relations between them."""
        titled = None if self.depth else name_before_colon(self)
        if titled is not None:
            return Relation((titled, self._side()), ("=",))
        name = None if self.depth else name_before_equals(self)
        sides = [self._side() if name is None else name]
        ops: list[str] = []
        while self.sees(*_RELATIONS) and not (self.sees(":") and self.depth):
            ops.append(_RELATIONS[self.take().text])
            sides.append(self._side())
        return Relation(tuple(sides), tuple(ops)) if ops else sides[0]

    def _side(self) -> Node:
        parts = [self._with_unit()]
        op = ""
        while self.sees(*_SET_OPERATIONS):
            found = _SET_OPERATIONS[self.take().text]
            if op not in ("", found):
                parts = [Union(tuple(parts), _operation(op))]
            op = found
            parts.append(self._with_unit())
        return Union(tuple(parts), _operation(op)) if op else parts[0]

    def _with_unit(self) -> Node:
        node = self.sum()
        if isinstance(node, Text):
            return node
        scale = SCALES.get(self.token.text.strip().casefold()) if self.token.kind in ("text", "letters") else None
        if scale is not None:
            self.take()
            node = _scaled(node, scale)
        unit = self._unit()
        if not unit:
            return node
        if isinstance(node, Quantity) and node.unit != unit:  # \$5 dollars
            raise UnreadableError("two units")
        node = node.value if isinstance(node, Quantity) else node
        return Quantity(node, unit)

    def _unit(self) -> str:
        r"""`\text{ cm}`, ` cm`, `\text{km}/\text{h}`, `\text{cm}^2`, `\$` after a number, or nothing."""
        names: list[str] = []
        while self._at_unit() or (names and self.sees("/", "*") and self.ahead(1).kind in ("text", "letters")):
            if money := self.accept(*MONEY):
                names.append(MONEY[money])
                break
            sign = self.accept("/", "*")
            name = unit_name(self.take().text)
            if not name:
                raise UnreadableError("words that are no unit")
            names.append(sign + name + self._unit_power())
        return " ".join(names).replace(" /", "/").replace(" *", " ")

    def _unit_power(self) -> str:
        if not self.accept("^"):
            return ""
        power = script(self)
        match power:
            case Number(value=value) if value in (2, 3):
                return f"^{value}"
            case Apply(op="neg", args=(Number(value=value),)) if value in (1, 2, 3):
                return f"^-{value}"
            case _:
                raise UnreadableError("the power of a unit")

    def _at_unit(self) -> bool:
        token = self.token
        if token.kind == "text":
            return not connector(token.text)
        if token.kind == "letters":
            return _is_bare_unit(token)
        return self.sees(*MONEY)

    def sum(self) -> Node:
        """Terms with signs between them."""
        terms = [self._term(self.accept("+", "-", r"\pm"))]
        while True:
            sign = self.accept("+", "-", r"\pm")
            if not sign:
                break
            term = self._term(sign)
            if isinstance(term, Apply) and term.op == "plus_minus":
                terms = [Apply("plus_minus", (terms[0] if len(terms) == 1 else Apply("add", tuple(terms)), *term.args))]
            else:
                terms.append(term)
        return terms[0] if len(terms) == 1 else Apply("add", tuple(terms))

    def _term(self, sign: str) -> Node:
        signs = 0
        while self.sees("+", "-"):  # 2 + -3
            signs += 1
            sign = {"--": "+", "-+": "-", "+-": "-", "++": "+", "-": "-", "+": "+"}.get(sign + self.take().text, "")
            if not sign or signs > 2:
                raise UnreadableError("signs")
        node = self.product()
        if sign == "-":
            return Apply("neg", (node,))
        return Apply("plus_minus", (node,)) if sign == r"\pm" else node

    def product(self) -> Node:
        """Factors, with or without a sign between them."""
        factors = [self.factor()]
        while True:
            if self.accept("*"):
                factors.append(self._signed())
            elif self.sees("/") and self.ahead(1).kind != "text":
                self.take()
                factors = [Apply("div", (_joined(factors), self._signed()))]
            elif self._goes_on():
                factors.append(self.factor())
            else:
                return _joined(factors)

    def _signed(self) -> Node:
        if self.accept("-"):
            return Apply("neg", (self.factor(),))
        return self.factor()

    def _goes_on(self) -> bool:
        """Whether the next token begins a factor without a sign before it."""
        token = self.token
        match token.kind:
            case "number":
                before = self.ahead(-1)
                if before.kind in ("number", "letters") or before.text == r"\pi":
                    raise UnreadableError("a number right after a number or a name")
                return True
            case "letters":
                return not (connector(token.text) or token.text in _NO_FACTOR or _is_bare_unit(token))
            case "command":
                return not (token.text in _NO_FACTOR or token.text in _NO_FACTOR_EITHER or token.text in MONEY)
            case "mark":
                return token.text in _STARTS and not (token.text == "|" and (self.bars or self.depth))
            case _:
                return False

    def factor(self) -> Node:
        """An atom with what follows it: powers, factorials, a percent sign."""
        node = atom(self)
        powered = False
        while True:
            if self.accept("!"):
                if isinstance(node, Apply) and node.op == "factorial":
                    raise UnreadableError("a double factorial")
                node = Apply("factorial", (node,))
            elif self.accept("%"):
                node = Quantity(node, "%")
            elif self.accept(r"\degree"):
                node = Quantity(node, "degree")
            elif self.sees("^") and not powered:
                self.take()
                powered = True
                node = self._power(node)
            else:
                return node

    def _power(self, base: Node) -> Node:
        if self._is_degree():
            return Quantity(base, self._scale_of_temperature() or "degree")
        with self.nested():
            return Apply("pow", (base, script(self)))

    def _scale_of_temperature(self) -> str:
        if self.token.kind in ("letters", "text") and self.token.text in ("C", "F"):
            return f"°{self.take().text}"
        return ""

    def _is_degree(self) -> bool:
        if self.accept(r"\circ"):
            return True
        if self.sees("{") and self.ahead(1).text == r"\circ" and self.ahead(2).text == "}":
            for _ in range(3):
                self.take()
            return True
        return False


def _operation(op: str) -> Literal["cup", "cap", "minus"]:
    return "cap" if op == "cap" else "minus" if op == "minus" else "cup"


def _joined(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Apply("mul", tuple(factors))


def _scaled(node: Node, scale: object) -> Node:
    from fractions import Fraction

    assert isinstance(scale, Fraction)
    match node:
        case Number(value=value):
            return Number(value * scale)
        case Quantity(value=Number(value=value), unit="$"):
            return Quantity(Number(value * scale), "$")
        case _:
            raise UnreadableError("a scale after no number")


def _is_bare_unit(token: Token) -> bool:
    """Letters outside any command that are a unit, not a product of variables."""
    name = token.text
    if name in BARE_UNITS or name.casefold() in SCALES:
        return True
    known = name not in FUNCTIONS and name not in GREEK and name not in ("sqrt", "infty", "infinity", "union")
    return known and len(name) > 3 and (token.gap or units.lookup(name) is not None)
