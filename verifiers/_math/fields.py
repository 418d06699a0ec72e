r"""Two fields in which a tree is evaluated exactly.

`Residues` computes modulo one prime of 61 bits: fast, and an exponent costs nothing. `Surds` computes with sums of
rational multiples of square roots (and of i), such as 1/2 + 3 \sqrt{2}: exact, without a prime that a difference could
be a multiple of. The square roots of different squarefree numbers are independent over the rationals (Besicovitch,
On the linear independence of fractional powers of integers, 1940), so that a surd is zero only if all its terms are.
"""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from agentrl.verifiers._math.exact import bits, rational_root

__all__ = ["Element", "Field", "NotInFieldError", "Residues", "Surds", "prime_from"]

MAX_TERMS = 32
MAX_TERM_BITS = 20_000
MAX_RADICAND = 10**10

Element = Any


class NotInFieldError(ValueError):
    """A number that the field has no element for, or that is too large."""


class Field(Protocol):
    """What an evaluation needs; elements of one value are equal, and `key` names them."""

    def rational(self, value: Fraction) -> Element:
        """The element of a fraction.

        Raises:
            ZeroDivisionError: The denominator is zero here.
        """

    def add(self, a: Element, b: Element) -> Element:
        """The sum."""

    def mul(self, a: Element, b: Element) -> Element:
        """The product."""

    def inverse(self, a: Element) -> Element:
        """1/a.

        Raises:
            ZeroDivisionError: a is zero.
        """

    def power(self, a: Element, exponent: int) -> Element:
        """A positive power."""

    def root(self, radicand: Element, index: int) -> Element | None:
        """A root; None where the field has no exact one."""

    def imaginary(self) -> Element | None:
        """The square root of -1."""

    def key(self, a: Element) -> str:
        """A text that equal elements share."""


@dataclass(frozen=True, slots=True)
class Residues:
    """Integers modulo a prime.

    >>> field = Residues(7)
    >>> field.rational(Fraction(1, 2)), field.mul(3, 5), field.power(3, 6)
    (4, 1, 1)
    """

    prime: int

    def rational(self, value: Fraction) -> int:
        """The residue of a fraction."""
        return value.numerator * self.inverse(value.denominator % self.prime) % self.prime

    def add(self, a: int, b: int) -> int:
        """The sum."""
        return (a + b) % self.prime

    def mul(self, a: int, b: int) -> int:
        """The product."""
        return a * b % self.prime

    def inverse(self, a: int) -> int:
        """1/a."""
        if a == 0:
            raise ZeroDivisionError
        return pow(a, -1, self.prime)

    def power(self, a: int, exponent: int) -> int:
        """A positive power."""
        return pow(a, exponent, self.prime)

    def root(self, radicand: int, index: int) -> None:
        """None: which of the roots is meant cannot be told here."""

    def imaginary(self) -> None:
        """None, likewise."""

    def key(self, a: int) -> str:
        """The residue in base 16."""
        return f"{a:x}"


_Terms = tuple[tuple[tuple[int, int], Fraction], ...]


@dataclass(frozen=True, slots=True)
class Surds:
    """Sums of q sqrt(n) i^k, as sorted pairs ((n, k), q) with n squarefree and k 0 or 1; zero has none.

    >>> field = Surds()
    >>> root = field.root(field.rational(Fraction(8)), 2)
    >>> root, field.mul(root, root)
    ((((2, 0), Fraction(2, 1)),), (((1, 0), Fraction(8, 1)),))
    >>> field.inverse(root)
    (((2, 0), Fraction(1, 4)),)
    """

    def rational(self, value: Fraction) -> _Terms:
        """A fraction: one term, or none."""
        return _terms({(1, 0): value})

    def add(self, a: _Terms, b: _Terms) -> _Terms:
        """The sum."""
        total = dict(a)
        for basis, factor in b:
            total[basis] = total.get(basis, Fraction(0)) + factor
        return _terms(total)

    def mul(self, a: _Terms, b: _Terms) -> _Terms:
        """The product, by sqrt(m) sqrt(n) = g sqrt(mn / g^2) with g = gcd(m, n)."""
        total: dict[tuple[int, int], Fraction] = {}
        for (m, j), p in a:
            for (n, k), q in b:
                shared = math.gcd(m, n)
                basis = (m // shared) * (n // shared), j ^ k
                total[basis] = total.get(basis, Fraction(0)) + p * q * shared * (-1 if j & k else 1)
        return _terms(total)

    def inverse(self, a: _Terms) -> _Terms:
        """1/a: multiply by conjugates until the denominator is rational."""
        if not a:
            raise ZeroDivisionError
        above = self.rational(Fraction(1))
        while (sign := _a_generator(a)) is not None:
            conjugate = tuple((basis, -factor if _has(basis, sign) else factor) for basis, factor in a)
            above, a = self.mul(above, conjugate), self.mul(a, conjugate)
        return self.mul(above, self.rational(1 / a[0][1]))

    def power(self, a: _Terms, exponent: int) -> _Terms:
        """A positive power, by squaring."""
        if a and max(bits(factor) for _, factor in a) * exponent > MAX_TERM_BITS and a != self.rational(Fraction(1)):
            raise NotInFieldError
        result = self.rational(Fraction(1))
        while exponent:
            if exponent & 1:
                result = self.mul(result, a)
            exponent >>= 1
            a = self.mul(a, a) if exponent else a
        return result

    def root(self, radicand: _Terms, index: int) -> _Terms | None:
        """The principal square root of a rational number, and a rational root of a rational number."""
        if not radicand:
            return ()
        if len(radicand) > 1 or radicand[0][0] != (1, 0):
            return None
        value = radicand[0][1]
        known = rational_root(value, index)
        while value > 0 and index > 2 and index % 2 == 0 and (half := rational_root(value, 2)) is not None:
            value, index = half, index // 2
        if known is not None or index != 2:
            return None if known is None else self.rational(known)
        whole = value.numerator * value.denominator
        outside, inside = _squarefree(abs(whole))
        return _terms({(inside, int(whole < 0)): Fraction(outside, value.denominator)})

    def imaginary(self) -> _Terms:
        """The square root of -1."""
        return _terms({(1, 1): Fraction(1)})

    def key(self, a: _Terms) -> str:
        """The terms, numbers in base 16."""
        return ";".join(f"{n:x},{k},{factor.numerator:x},{factor.denominator:x}" for (n, k), factor in a)


def _terms(total: dict[tuple[int, int], Fraction]) -> _Terms:
    found = tuple(sorted((basis, factor) for basis, factor in total.items() if factor))
    if len(found) > MAX_TERMS or any(n > MAX_RADICAND or bits(factor) > MAX_TERM_BITS for (n, _), factor in found):
        raise NotInFieldError
    return found


def _a_generator(a: _Terms) -> int | None:
    """A prime under a root of `a`, or -1 for i; None where `a` is rational."""
    for (n, k), _ in a:
        if k:
            return -1
        if n > 1:
            return _smallest_factor(n)
    return None


def _has(basis: tuple[int, int], generator: int) -> bool:
    return bool(basis[1]) if generator == -1 else basis[0] % generator == 0


def _smallest_factor(n: int) -> int:
    return next((p for p in range(2, math.isqrt(n) + 1) if n % p == 0), n)


@functools.lru_cache(maxsize=1024)
def _squarefree(n: int) -> tuple[int, int]:
    """Write n as outside^2 * inside with a squarefree inside; a perfect square may be large.

    Raises:
        NotInFieldError: It is too large to be factored.
    """
    if math.isqrt(n) ** 2 == n:
        return math.isqrt(n), 1
    outside, inside, divisor = 1, 1, 2
    while divisor * divisor <= n:
        power = 0
        while n % divisor == 0:
            n, power = n // divisor, power + 1
        outside, inside = outside * divisor ** (power // 2), inside * divisor ** (power % 2)
        divisor += 1 if divisor == 2 else 2
        if divisor > 1000 and n > MAX_RADICAND:
            raise NotInFieldError
    return outside, inside * n


def prime_from(seed: str) -> int:
    """A prime of 61 bits that depends on a seed.

    The seed is taken from what is compared: a difference that is a multiple of a known prime cannot be written on
    purpose, because writing it changes the prime.

    >>> prime_from("a") != prime_from("b"), prime_from("a").bit_length()
    (True, 61)
    """
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") >> 4
    candidate = start | 1 << 60 | 1
    while not _is_prime(candidate):
        candidate += 2
    return candidate


_SMALL_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_BASES = (2, 325, 9375, 28178, 450775, 9780504, 1795265022)
_SMALL_PRODUCT = math.prod(_SMALL_PRIMES)


def _is_prime(n: int) -> bool:
    """Whether an odd number of 61 bits is prime: seven bases decide all below 2^64 (Jim Sinclair, 2011)."""
    if math.gcd(n, _SMALL_PRODUCT) != 1:
        return False
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    odd = (n - 1) >> twos
    return all(_passes(n, base, odd, twos) for base in _BASES)


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    x = pow(base, odd, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False
