"""Ten small programs on text, written for agentrl."""

from __future__ import annotations

from agentrl.envs._code.program import Program

__all__ = ["PROGRAMS"]


def is_palindrome(text: str) -> bool:
    """Whether the letters and digits of a text read the same both ways, upper and lower case alike.

    >>> is_palindrome("Never odd, or even"), is_palindrome("ab")
    (True, False)
    """
    i, j = 0, len(text) - 1
    while i < j:
        if not text[i].isalnum():
            i += 1
        elif not text[j].isalnum():
            j -= 1
        elif text[i].lower() != text[j].lower():
            return False
        else:
            i += 1
            j -= 1
    return True


def caesar(text: str, shift: int) -> str:
    """The text with its letters a-z and A-Z moved along the alphabet by a shift, round the end; the rest unchanged.

    >>> caesar("Xyz!", 3)
    'Abc!'
    """
    moved = ""
    for letter in text:
        if "a" <= letter <= "z":
            moved += chr((ord(letter) - ord("a") + shift) % 26 + ord("a"))
        elif "A" <= letter <= "Z":
            moved += chr((ord(letter) - ord("A") + shift) % 26 + ord("A"))
        else:
            moved += letter
    return moved


def encode_runs(text: str) -> list[list[str | int]]:
    """The runs of equal letters as pairs of letter and length.

    >>> encode_runs("aab")
    [['a', 2], ['b', 1]]
    """
    runs: list[list[str | int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and text[end] == text[start]:
            end += 1
        runs.append([text[start], end - start])
        start = end
    return runs


def balanced(text: str) -> bool:
    """Whether the brackets (), [] and {} of a text are properly nested; other letters do not count.

    >>> balanced("f(a[0])"), balanced("(]"), balanced("((")
    (True, False, False)
    """
    pairs = {")": "(", "]": "[", "}": "{"}
    stack = []
    for letter in text:
        if letter in pairs.values():
            stack.append(letter)
        elif letter in pairs:
            if not stack or stack[-1] != pairs[letter]:
                return False
            stack.pop()
    return not stack


def roman(number: int) -> str:
    """A number from 1 to 3999 in Roman numerals.

    >>> roman(1994), roman(8)
    ('MCMXCIV', 'VIII')
    """
    values = [1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1]
    signs = ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"]
    written = ""
    for i in range(len(values)):
        while number >= values[i]:
            written += signs[i]
            number -= values[i]
    return written


def common_prefix(words: list[str]) -> str:
    """The longest text that all words begin with; empty where there are no words.

    >>> common_prefix(["flower", "flow", "flight"])
    'fl'
    """
    if not words:
        return ""
    prefix = words[0]
    for word in words[1:]:
        while not word.startswith(prefix):
            prefix = prefix[: len(prefix) - 1]
    return prefix


def edit_distance(first: str, second: str) -> int:
    """The least number of letters to insert, delete or change to turn one text into the other.

    >>> edit_distance("kitten", "sitting")
    3
    """
    previous = list(range(len(second) + 1))
    for i in range(1, len(first) + 1):
        row = [i]
        for j in range(1, len(second) + 1):
            change = previous[j - 1] + (0 if first[i - 1] == second[j - 1] else 1)
            row.append(min(change, previous[j] + 1, row[j - 1] + 1))
        previous = row
    return previous[len(second)]


def common_subsequence(first: str, second: str) -> int:
    """The length of the longest text that both texts hold in order, though not in one piece.

    >>> common_subsequence("abcde", "ace")
    3
    """
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first)):
        for j in range(len(second)):
            if first[i] == second[j]:
                table[i + 1][j + 1] = table[i][j] + 1
            else:
                table[i + 1][j + 1] = max(table[i][j + 1], table[i + 1][j])
    return table[len(first)][len(second)]


def most_common_word(text: str) -> str:
    """The word that a text of lower-case words and spaces holds most often; of several, the first in the alphabet.

    >>> most_common_word("b a b a c")
    'a'
    """
    counts: dict[str, int] = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    best = ""
    for word in sorted(counts):
        if best == "" or counts[word] > counts[best]:
            best = word
    return best


def wrap(text: str, width: int) -> list[str]:
    """The words of a text in lines of at most a width, as many to a line as fit; a longer word has its own line.

    >>> wrap("the quick brown fox", 9)
    ['the quick', 'brown fox']
    """
    lines = []
    line = ""
    for word in text.split():
        if line == "":
            line = word
        elif len(line) + 1 + len(word) <= width:
            line = line + " " + word
        else:
            lines.append(line)
            line = word
    if line != "":
        lines.append(line)
    return lines


PROGRAMS = (
    Program(
        is_palindrome,
        (("Level",), ("ab",), ("Never odd, or even",)),
        (("",), ("a",), ("abca",), ("No lemon, no melon!",), ("!?",), ("abcdba",), ("1a1",), ("!aba",), ("aba?",)),
    ),
    Program(
        caesar,
        (("Xyz!", 3), ("abc", 0)),
        (("", 5), ("Hello, World", 13), ("azAZ", 1), ("bcd", -1), ("mn", 26)),
    ),
    Program(encode_runs, (("aab",), ("",)), (("a",), ("abc",), ("zzzz",), ("abba",), ("11222",))),
    Program(
        balanced,
        (("f(a[0])",), ("(]",), ("((",)),
        (("",), (")",), ("{[()]}",), ("([)]",), ("a+b",), ("()[]{}",), ("[",)),
    ),
    Program(roman, ((1994,), (8,), (4,)), ((1,), (9,), (40,), (3999,), (58,), (400,), (2023,), (500,), (499,), (100,))),
    Program(
        common_prefix,
        ((["flower", "flow", "flight"],), ([],), (["a", "b"],)),
        ((["one"],), (["ab", "ab"],), (["abc", "abd", "ab"],), (["", "x"],), (["interview", "internet"],)),
    ),
    Program(
        edit_distance,
        (("kitten", "sitting"), ("", "ab"), ("a", "a")),
        (
            ("ab", ""),
            ("flaw", "lawn"),
            ("abc", "abc"),
            ("intention", "execution"),
            ("ab", "ba"),
            ("saturday", "sunday"),
            ("azced", "abcdef"),
        ),
    ),
    Program(
        common_subsequence,
        (("abcde", "ace"), ("abc", "def"), ("", "a")),
        (
            ("abc", "abc"),
            ("aggtab", "gxtxayb"),
            ("ab", "ba"),
            ("xaxbx", "ab"),
            ("aaa", "aa"),
            ("abcbdab", "bdcaba"),
            ("mzjawxu", "xmjyauz"),
            ("a", "aa"),
            ("bbb", "cb"),
        ),
    ),
    Program(
        most_common_word,
        (("b a b a c",), ("one two two",)),
        (("",), ("x",), ("c b a",), ("d d d e e",), ("z z a",)),
    ),
    Program(
        wrap,
        (("the quick brown fox", 9), ("", 5)),
        (("a b c", 1), ("abcdef gh", 3), ("one two three four", 8), ("aa bb cc", 5), ("aa bb cc", 4), ("hello", 10)),
    ),
)
