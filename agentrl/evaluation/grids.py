"""The tables in which the figures of several attempts are shown, for a terminal and for a page."""

from __future__ import annotations

import html as markup
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Grid", "Layout", "as_html", "as_text", "grids"]

_CHANGES = {
    "delta": "accuracy (delta)",
    "i->c": "incorrect to correct (i->c)",
    "c->i": "correct to incorrect (c->i)",
    "fix rate": "fix rate: i->c of the incorrect",
    "break rate": "break rate: c->i of the correct",
    "answer changed": "answer changed",
    "edit distance": "edit distance ratio of the replies",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What decides which figures there are: attempts an episode, samples a task, and the k of pass@k."""

    turns: int
    samples: int
    k: tuple[int, ...]

    @property
    def later(self) -> tuple[int, ...]:
        """The attempts that the first is compared with, from 0 on: the second and the last."""
        return tuple(sorted({1, self.turns - 1})) if self.turns > 1 else ()

    @property
    def parallel(self) -> tuple[int, ...]:
        """How many parallel first attempts vote: one, as many as an episode has attempts, and all."""
        return tuple(sorted({1, self.samples, *([self.turns] if self.turns <= self.samples else [])}))


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: a head, rows of its length, and a line below it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def grids(layout: Layout, cells: Mapping[str, str]) -> list[Grid]:
    """Lay out figures that are text already, by name."""
    found = [_by_attempt(layout, cells)]
    if layout.later:
        head = ("change", *(f"t1 to t{j + 1}" for j in layout.later))
        rows = ((said, *(cells[f"{name}(t1,t{j + 1})"] for j in layout.later)) for name, said in _CHANGES.items())
        found.append(Grid(head, tuple(rows)))
    return [*found, _budgets(layout, cells)]


def _by_attempt(layout: Layout, cells: Mapping[str, str]) -> Grid:
    head = ("attempt", "accuracy", *(f"pass@{k} so far" for k in layout.k), "success refinement rate")
    rows = (
        (
            f"t{j + 1}",
            cells[f"acc@t{j + 1}"],
            *(cells[f"pass@{k} after {j}"] for k in layout.k),
            cells.get(f"success refinement rate after {j}", ""),
        )
        for j in range(layout.turns)
    )
    note = "so far: right in any attempt up to this one; success refinement rate: that share of those wrong at t1"
    return Grid(head, tuple(rows), note)


def _budgets(layout: Layout, cells: Mapping[str, str]) -> Grid:
    turns = layout.turns
    said = {f"m{k}@t1": f"majority of {k} parallel first attempts" for k in layout.parallel}
    said |= {
        "m1@t1": "one first attempt",
        f"m1@t{turns}": f"majority of the {turns} attempts of one episode",
        f"p1@t{turns}": "any attempt of one episode: needs an oracle",
    }
    lacking = "" if turns <= layout.samples else f", which needs {turns} samples a task"
    note = f"equal budget: compare m1@t{turns} with m{turns}@t1{lacking}; in a tie the answer seen first wins"
    return Grid(
        ("vote", "accuracy", "counts as right"), tuple((name, cells[name], text) for name, text in said.items()), note
    )


def as_text(tables: Sequence[Grid]) -> str:
    """Aligned columns, each table after an empty line."""
    return "\n".join(line for table in tables for line in ("", *_lines(table)))


def _lines(table: Grid) -> list[str]:
    rows = (table.head, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"  {line}" for line in (*shown, *([f"({table.note})"] if table.note else []))]


def as_html(tables: Sequence[Grid]) -> str:
    """The tables as markup, their text escaped."""
    return "".join(_table(table) for table in tables)


def _table(table: Grid) -> str:
    head = "".join(f"<th>{markup.escape(cell)}</th>" for cell in table.head)
    rows = (f"<tr>{''.join(f'<td>{markup.escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    note = f'<p class="note">{markup.escape(table.note)}</p>' if table.note else ""
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>{note}"
