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

    def new_tokens(self, tokens: Sequence[int]) -> int:
        """How many slots `insert` would add."""
        at = -1
        for count, token in enumerate(tokens):
            found = self.child.get((at, token))
            if found is None:
                return len(tokens) - count
            at = found
        return 0

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
) -> list[Packed]:
    """Lay trajectories out in micro-batches.

    Args:
        trajectories: What to train on; their masks say which tokens need a prediction.
        layout: "tree" computes shared tokens once; "padded" gives each trajectory a row of its own.
        row_tokens: A tree row is closed before it gets longer than this: attention is quadratic in it.
        batch_tokens: Most slots (padding included) in a micro-batch; a longer row is a micro-batch alone.

    Returns:
        Micro-batches that together hold every trajectory with a trained token exactly once.
    """
    paths = {i: _needed(t) for i, t in enumerate(trajectories)}
    order = sorted((i for i, path in paths.items() if path), key=lambda i: paths[i])
    rows = _tree_rows(paths, order, row_tokens) if layout == "tree" else _single_rows(paths, order)
    rows.sort(key=lambda row: len(row[0].ids))
    packed: list[Packed] = []
    start = 0
    for end in range(1, len(rows) + 1):
        full = end == len(rows) or (end - start + 1) * len(rows[end][0].ids) > batch_tokens
        if full:
            packed.append(_assemble(rows[start:end], trajectories, layout))
            start = end
    return packed


_Row = tuple[_Tree, dict[int, list[int]]]


def _needed(trajectory: Trajectory) -> list[int]:
    """The tokens that must be fed: all before the last trained one."""
    trained = np.flatnonzero(trajectory.mask)
    trained = trained[trained > 0]
    return [] if not len(trained) else [int(t) for t in trajectory.token_ids[: trained[-1]]]


def _tree_rows(paths: dict[int, list[int]], order: list[int], row_tokens: int) -> list[_Row]:
    rows: list[_Row] = []
    for i in order:
        if rows:
            tree, members = rows[-1]
            if len(tree.ids) + tree.new_tokens(paths[i]) <= row_tokens:
                members[i] = tree.insert(paths[i])
                continue
        tree = _Tree.empty()
        rows.append((tree, {i: tree.insert(paths[i])}))
    return rows


def _single_rows(paths: dict[int, list[int]], order: list[int]) -> list[_Row]:
    rows: list[_Row] = []
    for i in order:
        tree = _Tree.empty()
        rows.append((tree, {i: tree.insert(paths[i])}))
    return rows


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
