"""Ten small programs on numbers, written for agentrl."""

from __future__ import annotations

from agentrl.envs._code.program import Program

__all__ = ["PROGRAMS"]


def gcd(a: int, b: int) -> int:
    """Greatest common divisor of two integers that are not negative.

    >>> gcd(12, 18)
    6
    """
    while b != 0:
        a, b = b, a % b
    return a


def is_prime(n: int) -> bool:
    """Whether an integer is prime; no number below 2 is.

    >>> [n for n in range(12) if is_prime(n)]
    [2, 3, 5, 7, 11]
    """
    if n < 2:
        return False
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 1
    return True


def collatz_steps(n: int) -> int:
    """How many steps lead from n > 0 to 1, where a step halves an even number and turns an odd n into 3 n + 1.

    >>> collatz_steps(6)
    8
    """
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def prime_factors(n: int) -> list[int]:
    """The prime factors of n >= 1 in rising order, repeated as often as they divide it.

    >>> prime_factors(60)
    [2, 2, 3, 5]
    """
    factors = []
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n = n // divisor
        divisor += 1
    if n > 1:
        factors.append(n)
    return factors


def to_base(number: int, base: int) -> str:
    """A number that is not negative, written in a base from 2 to 16 with the digits 0-9 and a-f.

    >>> to_base(255, 16), to_base(5, 2), to_base(0, 7)
    ('ff', '101', '0')
    """
    if number == 0:
        return "0"
    digits = ""
    while number > 0:
        digits = "0123456789abcdef"[number % base] + digits
        number = number // base
    return digits


def fibonacci(n: int) -> int:
    """The n-th Fibonacci number, counting 0, 1, 1, 2, 3, ... from n = 0.

    >>> [fibonacci(n) for n in range(8)]
    [0, 1, 1, 2, 3, 5, 8, 13]
    """
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def digital_root(n: int) -> int:
    """The sum of the decimal digits of n >= 0, taken again and again until one digit is left.

    >>> digital_root(9875)
    2
    """
    while n >= 10:
        total = 0
        while n > 0:
            total += n % 10
            n = n // 10
        n = total
    return n


def integer_root(n: int) -> int:
    """The largest integer whose square is not above n >= 0.

    >>> integer_root(8), integer_root(9)
    (2, 3)
    """
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        if middle * middle <= n:
            low = middle
        else:
            high = middle
    return low


def count_change(amount: int, coins: list[int]) -> int:
    """In how many ways an amount can be paid with coins of the given values, each as often as one likes.

    The order of the coins does not count.

    >>> count_change(5, [1, 2, 5])
    4
    """
    ways = [1] + [0] * amount
    for coin in coins:
        for value in range(coin, amount + 1):
            ways[value] += ways[value - coin]
    return ways[amount]


def days_in_month(year: int, month: int) -> int:
    """How many days a month (1 to 12) has in the Gregorian calendar.

    >>> days_in_month(2000, 2), days_in_month(1900, 2), days_in_month(2023, 4)
    (29, 28, 30)
    """
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    if month in (4, 6, 9, 11):
        return 30
    return 31


PROGRAMS = (
    Program(gcd, ((12, 18), (7, 13), (5, 0)), ((0, 9), (100, 75), (17, 51), (1, 1), (270, 192))),
    Program(is_prime, ((1,), (2,), (9,), (13,)), ((0,), (25,), (97,), (49,), (91,), (4,), (3,))),
    Program(collatz_steps, ((1,), (6,), (7,)), ((2,), (3,), (27,), (16,), (97,))),
    Program(prime_factors, ((1,), (12,), (13,)), ((60,), (49,), (97,), (2,), (1024,), (221,))),
    Program(to_base, ((5, 2), (255, 16), (0, 7)), ((1, 2), (64, 8), (31, 16), (999, 10), (100, 3), (15, 16))),
    Program(fibonacci, ((0,), (1,), (7,)), ((2,), (3,), (10,), (20,))),
    Program(digital_root, ((0,), (16,), (9875,)), ((10,), (99,), (7,), (123456,), (1999,))),
    Program(integer_root, ((0,), (8,), (9,)), ((1,), (2,), (15,), (16,), (99,), (100,), (101,))),
    Program(
        count_change,
        ((5, [1, 2, 5]), (3, [2])),
        ((0, [1]), (10, [2, 5]), (10, [1, 5, 10]), (7, [3, 4]), (11, [1, 2, 5]), (6, [6, 4])),
    ),
    Program(
        days_in_month,
        ((2023, 1), (2000, 2), (2023, 4)),
        ((1900, 2), (2024, 2), (2023, 2), (2023, 12), (2023, 9), (2021, 6), (2021, 11), (2021, 7)),
    ),
)
