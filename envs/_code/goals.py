"""Small goals in a file system, drawn from a generator: what the `terminal` environment asks for."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["KINDS", "Goal", "draw_goal", "unmet"]

WORDS = (
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "ivory",
    "jade",
    "kelp",
    "lotus",
    "maple",
    "nova",
    "onyx",
    "pearl",
)
NAMES = (
    "anna",
    "ben",
    "cora",
    "dan",
    "eva",
    "finn",
    "gus",
    "hana",
    "ivan",
    "jo",
    "kim",
    "leo",
    "mia",
    "nils",
    "ola",
    "pia",
)
ITEMS = ("bolts", "cups", "desks", "eggs", "fans", "gloves", "hats", "jars", "kites", "lamps")


@dataclass(frozen=True, slots=True)
class Goal:
    """What to do, with what, and what must hold at the end.

    Attributes:
        instruction: For the policy.
        files: What lies in the box at first.
        expected: What it must hold at the end, by path; what `files` holds and neither `expected` nor `absent` names
            must be as it was.
        absent: What it must not hold.
        commands: One way to do it.
    """

    instruction: str
    files: Mapping[str, str]
    expected: Mapping[str, str]
    absent: tuple[str, ...] = ()
    commands: str = field(default="", kw_only=True)


def unmet(
    initial: Mapping[str, str], expected: Mapping[str, str], absent: Sequence[str], found: Mapping[str, bytes]
) -> list[str]:
    """The paths that are not as they must be, sorted; blank space at the end of a file does not count.

    >>> unmet({"a": "1", "b": "2"}, {"c": "3"}, ("b",), {"a": b"1", "c": b"3", "junk": b""})
    []
    >>> unmet({"a": "1", "b": "2"}, {"c": "3"}, ("b",), {"b": b"2", "c": b"4"})
    ['a', 'b', 'c']
    """
    kept = {path: text for path, text in initial.items() if path not in absent}
    wanted = {path: text.encode() for path, text in {**kept, **expected}.items()}
    wrong = {path for path, text in wanted.items() if found.get(path, b"\0").rstrip() != text.rstrip()}
    return sorted(wrong | {path for path in absent if path in found})


def draw_goal(draw: random.Random, kind: str) -> Goal:
    """One goal of a kind that is not met from the start; a function of the generator alone."""
    while True:
        goal = KINDS[kind](draw)
        if unmet(goal.files, goal.expected, goal.absent, {path: text.encode() for path, text in goal.files.items()}):
            return goal


def _lines(draw: random.Random, count: int) -> list[str]:
    return [" ".join(draw.choices(WORDS, k=draw.randint(2, 5))) for _ in range(count)]


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _create(draw: random.Random) -> Goal:
    folder, name, text = draw.choice(NAMES), draw.choice(WORDS), _text(_lines(draw, 2))
    path = f"{folder}/{name}.txt"
    return Goal(
        f"Create the file {path} with exactly these two lines:\n{text}",
        {"readme.txt": "nothing to see here\n"},
        {path: text},
        commands=f"mkdir -p {folder}\nprintf '%s\\n' " + " ".join(f"'{s}'" for s in text.splitlines()) + f" > {path}",
    )


def _rename(draw: random.Random) -> Goal:
    old, new = draw.choice((("txt", "md"), ("log", "old"), ("dat", "csv")))
    stems = draw.sample(WORDS, draw.randint(3, 5))
    files = {f"docs/{stem}.{old}": _text(_lines(draw, 1)) for stem in stems} | {"docs/keep.cfg": "a=1\n"}
    moved = {p: p.removesuffix(old) + new for p in files if p.endswith(f".{old}")}
    return Goal(
        f"Rename every file in docs that ends in .{old} so that it ends in .{new} instead.",
        files,
        {moved[path]: text for path, text in files.items() if path in moved},
        tuple(moved),
        commands=f'cd docs\nfor f in *.{old}; do mv "$f" "${{f%.{old}}}.{new}"; done',
    )


def _count(draw: random.Random) -> Goal:
    word = draw.choice(WORDS)
    lines = _lines(draw, draw.randint(8, 14))
    count = sum(word in line.split() for line in lines)
    return Goal(
        f"Write to answer.txt how many lines of notes.txt hold the word {word}: the number alone.",
        {"notes.txt": _text(lines)},
        {"answer.txt": str(count)},
        commands=f"grep -cw {word} notes.txt > answer.txt",
    )


def _extract(draw: random.Random) -> Goal:
    rows = [(draw.choice(NAMES), draw.choice(ITEMS), draw.randint(1, 90)) for _ in range(draw.randint(6, 10))]
    column = draw.choice((1, 2))
    values = sorted({str(row[column - 1]) for row in rows})
    title = ("name", "item")[column - 1]
    return Goal(
        f"orders.csv has the columns name,item,count under a header line. Write its different values of {title} to "
        f"{title}s.txt: one a line, in alphabetical order, without the header.",
        {"orders.csv": "name,item,count\n" + _text([",".join(map(str, row)) for row in rows])},
        {f"{title}s.txt": _text(values)},
        commands=f"tail -n +2 orders.csv | cut -d, -f{column} | sort -u > {title}s.txt",
    )


def _sort(draw: random.Random) -> Goal:
    numbers = [draw.randint(-50, 500) for _ in range(draw.randint(6, 12))]
    return Goal(
        "numbers.txt has one whole number a line. Write them to sorted.txt from the largest to the smallest.",
        {"numbers.txt": _text(list(map(str, numbers)))},
        {"sorted.txt": _text([str(n) for n in sorted(numbers, reverse=True)])},
        commands="sort -rn numbers.txt > sorted.txt",
    )


def _replace(draw: random.Random) -> Goal:
    old, new = draw.sample(WORDS, 2)
    files = {
        f"{folder}/{name}.txt": _text(_lines(draw, 3)) for folder in ("a", "b/c") for name in draw.sample(NAMES, 2)
    }
    files["b/keep.cfg"] = f"{old} stays\n"
    changed = {
        path: _text([" ".join(new if w == old else w for w in line.split()) for line in text.splitlines()])
        for path, text in files.items()
        if path.endswith(".txt")
    }
    return Goal(
        f"In every .txt file of this folder and the folders below it, replace the word {old} by {new}. "
        "Change no other file.",
        files,
        changed,
        commands=f"find . -name '*.txt' -exec sed -i 's/\\b{old}\\b/{new}/g' {{}} +",
    )


def _gather(draw: random.Random) -> Goal:
    names = draw.sample(WORDS, draw.randint(3, 5))
    files = {f"parts/{name}.txt": _text(_lines(draw, draw.randint(1, 2))) for name in names}
    return Goal(
        "Join the files in parts into all.txt, in alphabetical order of their names. Leave the parts as they are.",
        files,
        {"all.txt": "".join(files[path] for path in sorted(files))},
        commands="cat parts/*.txt > all.txt",
    )


def _delete(draw: random.Random) -> Goal:
    mark = draw.choice(WORDS)
    names = draw.sample(NAMES, draw.randint(4, 6))
    doomed = names[: draw.randint(1, 3)]
    others = [word for word in WORDS if word != mark]
    files = {
        f"inbox/{name}.txt": _text([f"{draw.choice(others)} {mark if name in doomed else draw.choice(others)}"])
        for name in names
    }
    return Goal(
        f"Delete every file in inbox that holds the word {mark}, and no other.",
        files,
        {},
        tuple(sorted(f"inbox/{name}.txt" for name in doomed)),
        commands=f"grep -lw {mark} inbox/* | xargs rm",
    )


def _organise(draw: random.Random) -> Goal:
    files = {f"{stem}.{draw.choice(('csv', 'txt', 'log'))}": _text(_lines(draw, 1)) for stem in draw.sample(WORDS, 6)}
    moved = {path: f"{path.rpartition('.')[2]}/{path}" for path in files}
    return Goal(
        "Move each file of this folder into a folder named after its ending: a.csv becomes csv/a.csv.",
        files,
        {moved[path]: text for path, text in files.items()},
        tuple(files),
        commands='for f in *.*; do mkdir -p "${f##*.}" && mv "$f" "${f##*.}/"; done',
    )


def _find(draw: random.Random) -> Goal:
    code = f"{draw.randint(1000, 9999)}-{draw.choice(WORDS)}"
    paths = [f"{folder}/{name}.txt" for folder in ("x", "x/y", "z") for name in draw.sample(NAMES, 3)]
    chosen = draw.choice(paths)
    files = {path: _text([*_lines(draw, 2), *([f"id {code}"] if path == chosen else [])]) for path in paths}
    return Goal(
        f"One file below this folder holds the text {code}. Write its path to answer.txt, as in a/b.txt, "
        "without a leading ./ and nothing else.",
        files,
        {"answer.txt": chosen},
        commands=f"grep -rl -- '{code}' x z > answer.txt",
    )


def _total(draw: random.Random) -> Goal:
    rows = [(draw.choice(ITEMS), draw.randint(1, 90)) for _ in range(draw.randint(6, 10))]
    item = rows[0][0]
    return Goal(
        f"stock.txt has lines of an item, a space and a number. Write to total.txt the sum of the numbers of {item}.",
        {"stock.txt": _text([f"{name} {number}" for name, number in rows])},
        {"total.txt": str(sum(number for name, number in rows if name == item))},
        commands=f"s=0\nwhile read -r name n; do [ $name = {item} ] && s=$((s + n)); done < stock.txt\n"
        "echo $s > total.txt",
    )


KINDS: Mapping[str, Callable[[random.Random], Goal]] = {
    "create": _create,
    "rename": _rename,
    "count": _count,
    "extract": _extract,
    "sort": _sort,
    "replace": _replace,
    "gather": _gather,
    "delete": _delete,
    "organise": _organise,
    "find": _find,
    "total": _total,
}
