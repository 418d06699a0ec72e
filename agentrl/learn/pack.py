"""Packing: trajectories that begin alike go through the model as one tree, so that a shared token is computed once.

Trajectories are merged token by token into trees. A packed row holds one or more branches of a tree: input ids,
positions (depth in the tree), and a mask under which a slot sees its ancestors only. Losses stay functions of (B, T)
matrices: `slot_BT` says which slot predicts token t of trajectory b, so packed and padded give the same loss and
gradients. The last token of a trajectory predicts nothing and gets no slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentrl.types import Trajectory

__all__ = ["Layout", "Packed", "pack", "padded_slots"]

Layout = Literal["tree", "padded"]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packed:
    """One micro-batch of N rows with S slots each, for B trajectories of at most T tokens.

    Attributes:
        rows: Indices of its trajectories in the batch, shape (B,); those without a trained token are in none.
        input_ids: Shape (N, S).
        position_ids: Shape (N, S).
        visible: Shape (N, S, S): which slots a slot sees; None where every row is one causal sequence.
        slot_BT: Flat slot index (row * S + column) that predicts token t of trajectory b, -1 where none is needed.
        target_BT: The token ids to be predicted, shape (B, T).
        tokens: Slots that hold a token.
    """

    rows: Ints
    input_ids: Ints
    position_ids: Ints
    visible: npt.NDArray[np.bool_] | None
    slot_BT: Ints
    target_BT: Ints
    tokens: int


@dataclass(slots=True)
class _Tree:
    """A row under construction: slots in an order in which parents come first."""

    ids: list[int]
    parent: list[int]
    depth: list[int]
    child: dict[tuple[int, int], int]

    @classmethod
    def empty(cls) -> _Tree:
        return cls([], [], [], {})

    def insert(self, tokens: Sequence[int]) -> list[int]:
        """Slots of a path of tokens; those that are there already are used again."""
        at, path = -1, []
        for token in tokens:
            found = self.child.get((at, token))
            if found is None:
                found = len(self.ids)
                self.child[at, token] = found
                self.ids.append(token)
                self.depth.append(0 if at < 0 else self.depth[at] + 1)
                self.parent.append(at)
            at = found
            path.append(at)
        return path

    def new_tokens(self, paths: Sequence[Sequence[int]]) -> int:
        """How many slots inserting these paths, in lexicographic order, would add."""
        new, before = 0, paths[0][:0]
        for path in paths:
            # In this order no earlier path shares more with it than the one just before.
            new += len(path) - max(self._depth(path), _shared(before, path))
            before = path
        return new

    def _depth(self, path: Sequence[int]) -> int:
        """How much of a path is there already."""
        at = -1
        for count, token in enumerate(path):
            found = self.child.get((at, token))
            if found is None:
                return count
            at = found
        return len(path)

    def visible(self, size: int) -> npt.NDArray[np.bool_]:
        """Ancestors and self of each slot, shape (size, size); empty slots see themselves."""
        seen = np.eye(size, dtype=np.bool_)
        for slot, parent in enumerate(self.parent):
            if parent >= 0:
                seen[slot] |= seen[parent]
        return seen


def pack(
    trajectories: Sequence[Trajectory],
    *,
    layout: Layout = "tree",
    row_tokens: int = 512,
    batch_tokens: int = 8192,
    together: Sequence[Sequence[int]] | None = None,
) -> list[Packed]:
    """Lay trajectories out in micro-batches.

    Args:
        trajectories: What to train on; their masks say which tokens need a prediction.
        layout: "tree" computes shared tokens once; "padded" gives each trajectory a row of its own.
        row_tokens: A tree row is closed before it gets longer than this: attention is quadratic in it.
        batch_tokens: Most slots (padding included) in a micro-batch; what cannot be parted may be longer, and is a
            micro-batch alone: a row, or the rows of one group.
        together: Groups of trajectories that no micro-batch parts, every trajectory in exactly one; None is each alone.

    Returns:
        Micro-batches that together hold every trajectory with a trained token exactly once.
    """
    paths = {i: path for i, t in enumerate(trajectories) if (path := _needed(t))}
    groups = [[i] for i in paths] if together is None else [[i for i in group if i in paths] for group in together]
    ordered = [sorted(group, key=lambda i: paths[i]) for group in groups if group]
    ordered.sort(key=lambda group: paths[group[0]])
    units = _tree_rows(paths, ordered, row_tokens) if layout == "tree" else _single_rows(paths, ordered)
    units.sort(key=_longest)
    packed: list[Packed] = []
    rows: list[_Row] = []
    for unit in units:
        if rows and (len(rows) + len(unit)) * _longest(unit) > batch_tokens:
            packed.append(_assemble(rows, trajectories, layout))
            rows = []
        rows += unit
    return [*packed, _assemble(rows, trajectories, layout)] if rows else packed


_Row = tuple[_Tree, dict[int, list[int]]]
_Unit = list[_Row]
"""Rows that stay in one micro-batch."""


def _needed(trajectory: Trajectory) -> list[int]:
    """The tokens that must be fed: all before the last trained one."""
    trained = np.flatnonzero(trajectory.mask)
    trained = trained[trained > 0]
    return [] if not len(trained) else [int(t) for t in trajectory.token_ids[: trained[-1]]]


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the beginning that two paths have in common."""
    shortest = min(len(first), len(second))
    return next((i for i in range(shortest) if first[i] != second[i]), shortest)


def _longest(unit: _Unit) -> int:
    return max(len(tree.ids) for tree, _ in unit)


def _tree_rows(paths: dict[int, list[int]], groups: list[list[int]], row_tokens: int) -> list[_Unit]:
    """A group goes into the last row if it fits there as a whole; otherwise it opens a unit of its own."""
    units: list[_Unit] = []
    for group in groups:
        if not units or not _fits(units[-1][-1][0], [paths[i] for i in group], row_tokens):
            units.append([(_Tree.empty(), {})])
        for i in group:
            tree, members = units[-1][-1]
            if members and not _fits(tree, [paths[i]], row_tokens):
                tree, members = _Tree.empty(), {}
                units[-1].append((tree, members))
            members[i] = tree.insert(paths[i])
    return units


def _fits(tree: _Tree, paths: list[list[int]], row_tokens: int) -> bool:
    return len(tree.ids) + tree.new_tokens(paths) <= row_tokens


def _single_rows(paths: dict[int, list[int]], groups: list[list[int]]) -> list[_Unit]:
    units: list[_Unit] = []
    for group in groups:
        units.append([])
        for i in group:
            tree = _Tree.empty()
            units[-1].append((tree, {i: tree.insert(paths[i])}))
    return units


def _assemble(rows: list[_Row], trajectories: Sequence[Trajectory], layout: Layout) -> Packed:
    size = max(len(tree.ids) for tree, _ in rows)
    members = [(i, n, path) for n, (_, found) in enumerate(rows) for i, path in found.items()]
    length = max(len(trajectories[i]) for i, _, _ in members)
    ids = np.zeros((len(rows), size), np.int64)
    # Padding counts on, so that a causal row is seen to be one sequence and attention needs no mask.
    positions = np.tile(np.arange(size, dtype=np.int64), (len(rows), 1))
    for n, (tree, _) in enumerate(rows):
        ids[n, : len(tree.ids)] = tree.ids
        positions[n, : len(tree.ids)] = tree.depth
    slot_BT = np.full((len(members), length), -1, np.int64)
    target_BT = np.zeros((len(members), length), np.int64)
    for b, (i, n, path) in enumerate(members):
        trajectory = trajectories[i]
        trained = np.flatnonzero(trajectory.mask)
        trained = trained[trained > 0]
        slot_BT[b, trained] = n * size + np.asarray(path, dtype=np.int64)[trained - 1]
        target_BT[b, : len(trajectory)] = trajectory.token_ids
    return Packed(
        rows=np.asarray([i for i, _, _ in members], dtype=np.int64),
        input_ids=ids,
        position_ids=positions,
        visible=np.stack([tree.visible(size) for tree, _ in rows]) if layout == "tree" else None,
        slot_BT=slot_BT,
        target_BT=target_BT,
        tokens=sum(len(tree.ids) for tree, _ in rows),
    )


def padded_slots(trajectories: Sequence[Trajectory]) -> int:
    """Tokens that a plain padded batch would put through the model: the yardstick of the sharing ratio."""
    return len(trajectories) * max((len(t) for t in trajectories), default=0)
