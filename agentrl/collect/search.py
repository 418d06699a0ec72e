r"""The arithmetic of a tree search: which leaf is next, and what its value does to the branches above it.

A `Tree` knows numbers only: no policy, no environment. A branch is one reply and the state it led to. Its value is
counted from its own reward on (no discount), so that branches which reach one state by different ways can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from agentrl.errors import ConfigError, check_choice, check_count

__all__ = ["Branch", "Settings", "Tree", "puct", "ucb", "uct"]

Rule = Literal["ucb", "uct", "puct", "beam"]
Leaf = Literal["policy", "critic"]
BackUp = Literal["mean", "max"]
Merge = Literal["none", "state"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a tree is searched.

    Best of n is `max_depth=1`, `expand=n`, `iterations=n`: n replies, each played to its end once.

    Raises:
        ConfigError: A value is out of range.
    """

    rule: Rule = "ucb"
    """What leads down: Agent Q's "ucb", classic "uct", "puct" with the policy's prior; or level by level, "beam"."""
    c: float = 1.0
    """Weight of exploration."""
    expand: int = 5
    """Replies drawn at a node; equal ones become one."""
    iterations: int = 20
    """Leaves to evaluate."""
    max_depth: int | None = None
    """Replies from the root to where nothing is expanded any more; None leaves it to the environment."""
    leaf: Leaf = "policy"
    """What a leaf is worth: what the policy earns from there to the end, or what the critic says."""
    backup: BackUp = "mean"
    """A branch's value: the mean of the values below it, or the best of them."""
    blend: float = 0.5
    """Weight of that value beside the critic's, where there is a critic."""
    first_play: float = math.inf
    """What a branch that was never visited counts as; at infinity these come first."""
    merge: Merge = "none"
    """"state": branches whose states have one key share their value; each keeps its own count."""
    virtual_loss: float = 1.0
    """Visits without a gain that a branch counts for each leaf under way below it."""
    width: int = 1
    """Leaves under way at a time: what the policy gets as one batch."""
    beam: int = 1
    """Branches of each level that rule "beam" goes on with."""
    token_budget: int | None = None
    """No round of leaves begins once this many tokens were drawn."""

    def __post_init__(self) -> None:
        check_choice("rule", self.rule, get_args(Rule))
        check_choice("leaf", self.leaf, get_args(Leaf))
        check_choice("backup", self.backup, get_args(BackUp))
        check_choice("merge", self.merge, get_args(Merge))
        for name in ("expand", "iterations", "width", "beam"):
            check_count(name, getattr(self, name))
        for name in ("max_depth", "token_budget"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        for name in ("c", "virtual_loss"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} must be finite and at least 0, got {value!r}")
        if not 0 <= self.blend <= 1:
            raise ConfigError(f"blend must be in [0, 1], got {self.blend!r}")
        if math.isnan(self.first_play):
            raise ConfigError("first_play must be a number or infinity, got nan")


def ucb(q: float, c: float, parent_visits: float, visits: float) -> float:
    r"""$Q + c \sqrt{\log N / (1 + N')}$: N visits of the parent, N' of the branch.

    Source: Agent Q, Putta et al. 2024 (arXiv 2408.07199).

    >>> round(ucb(0.5, 1.0, 10, 3), 6)
    1.258714
    """
    return q + c * math.sqrt(math.log(max(parent_visits, 1)) / (1 + visits))


def uct(q: float, c: float, parent_visits: float, visits: float) -> float:
    r"""$Q + c \sqrt{\log N / N'}$, for a branch that was visited.

    Source: Kocsis and Szepesvári 2006; rStar-Math, Guan et al. 2025 (arXiv 2501.04519), with c = 2.

    >>> round(uct(0.5, 2.0, 10, 3), 6)
    2.252174
    """
    return q + c * math.sqrt(math.log(max(parent_visits, 1)) / max(visits, 1))


def puct(q: float, c: float, parent_visits: float, visits: float, prior: float) -> float:
    r"""$Q + c\, p \sqrt{N} / (1 + N')$ with the prior p of the branch among its siblings.

    Source: AlphaZero, Silver et al. 2018; iTool, Zeng et al. 2025 (arXiv 2501.09766).

    >>> puct(0.5, 1.0, 9, 2, 0.5)
    1.0
    """
    return q + c * prior * math.sqrt(parent_visits) / (1 + visits)


@dataclass(slots=True)
class Branch:
    """One reply and the state that it led to; the root is the state before any reply.

    Attributes:
        parent: The branch above, -1 at the root.
        node: The reply's node in the rollout; the first observation's at the root.
        tip: Node of the observation that follows, where the conversation goes on; -1 where the episode is over.
        depth: Replies from the root.
        key: The state's key.
        reward: What the environment returned for the reply.
        prior: The reply's probability among its siblings.
        critic: What the critic said, if there is one.
        dead: Whether the machine failed here, so that the branch has no value; nothing goes down it again.
        visits: Leaves that were evaluated here or below; the root counts one more, for its own expansion.
        total: Sum of their values, from after this reply on.
        best: The best of them.
        own: The branch's own evaluation, with all rewards from the root on.
        waiting: Leaves under way here or below.
    """

    parent: int
    node: int
    tip: int
    depth: int
    key: str = ""
    reward: float = 0.0
    prior: float = 1.0
    critic: float | None = None
    dead: bool = False
    visits: int = 0
    total: float = 0.0
    best: float = -math.inf
    own: float | None = None
    waiting: int = 0
    children: list[int] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the episode ended with this reply."""
        return self.tip < 0

    @property
    def busy(self) -> bool:
        """Whether this leaf is being evaluated or expanded; one that is over has nothing to wait for."""
        return self.waiting > 0 and not self.children and not self.over


class Tree:
    """Branches with their counts and values.

    Args:
        settings: How to search.
        root: The first branch.
    """

    def __init__(self, settings: Settings, root: Branch) -> None:
        self.settings = settings
        self.branches = [root]
        self._pools: dict[str, tuple[int, float, float]] = {}
        root.visits = max(root.visits, 1)

    @classmethod
    def of(cls, settings: Settings, branches: list[Branch]) -> Tree:
        """A tree of branches as they were stored; parents come before children."""
        tree = cls(settings, branches[0])
        for branch in branches[1:]:
            tree.add(branch)
        for branch in branches:
            tree._pool(branch, branch.visits - (branch.parent < 0), branch.total, branch.best)
        return tree

    def add(self, branch: Branch) -> int:
        """Put a branch under its parent; return its index."""
        self.branches.append(branch)
        self.branches[branch.parent].children.append(len(self.branches) - 1)
        return len(self.branches) - 1

    def may_grow(self, index: int) -> bool:
        """Whether a visit expands this leaf: its first visit evaluates it, the next one goes a step further."""
        branch, limit = self.branches[index], self.settings.max_depth
        if branch.over or branch.dead or branch.children:
            return False
        return branch.visits > 0 and (limit is None or branch.depth < limit)

    # Down.

    def select(self) -> int | None:
        """The leaf to go to next, counted as under way; None while all that could be next wait for others."""
        found = self._beam() if self.settings.rule == "beam" else self._descent()
        if found is not None:
            self.hold(found)
        return found

    def first(self, index: int) -> int | None:
        """The child to evaluate first after an expansion; None where the machine failed at all of them."""
        return self._choice(index)

    def hold(self, index: int) -> None:
        """Count a leaf as under way."""
        for at in self.path(index):
            self.branches[at].waiting += 1

    def release(self, index: int) -> None:
        """Take `hold` back."""
        for at in self.path(index):
            self.branches[at].waiting -= 1

    def path(self, index: int) -> list[int]:
        """Branches from the root to this one."""
        found = [index]
        while self.branches[found[-1]].parent >= 0:
            found.append(self.branches[found[-1]].parent)
        return found[::-1]

    def _descent(self) -> int | None:
        at: int | None = 0
        while at is not None and self.branches[at].children:
            at = self._choice(at)
        return None if at is None or self._closed(at) else at

    def _choice(self, parent: int) -> int | None:
        """The open child of the best rank; of equals the critic's favourite, then the likelier one, then the first."""
        choices = [i for i in self.branches[parent].children if not self._closed(i)]
        return max(choices, key=self._rank, default=None)

    def _closed(self, index: int) -> bool:
        return self.branches[index].dead or self.branches[index].busy

    def _rank(self, index: int) -> tuple[float, float, float]:
        branch, s = self.branches[index], self.settings
        above = self.branches[branch.parent]
        visits = branch.visits + s.virtual_loss * branch.waiting
        around = above.visits + s.virtual_loss * max(above.waiting, 0)
        if not visits and s.first_play == math.inf:
            rank = math.inf
        else:
            q = self.blended(index) if branch.visits else s.first_play if s.first_play < math.inf else 0.0
            q *= branch.visits / visits if branch.visits else 1.0  # a leaf under way is so far one without a gain
            if s.rule == "puct":
                rank = puct(q, s.c, around, visits, branch.prior)
            else:
                rank = (uct if s.rule == "uct" else ucb)(q, s.c, around, visits)
        return rank, branch.critic or 0.0, branch.prior

    def _beam(self) -> int | None:
        """Level by level: evaluate all of a level, then go on below the best of it."""
        level = [0]
        while level:
            for index in level:
                if self.may_grow(index):
                    return None if self._closed(index) else index
            below = [i for index in level for i in self.branches[index].children if not self.branches[i].dead]
            new = [i for i in below if self.branches[i].visits < 1]
            if new:
                return next((i for i in new if not self.branches[i].waiting), None)
            level = sorted(below, key=lambda i: -(self.branches[i].own or 0.0))[: self.settings.beam]
        return None

    # Up.

    def back_up(self, leaf: int, value: float) -> None:
        """Count a leaf's value, from after its reply on, at every branch up to the root."""
        path = self.path(leaf)
        if self.branches[leaf].own is None:
            self.branches[leaf].own = value + sum(self.branches[at].reward for at in path)
        for at in reversed(path):
            branch = self.branches[at]
            branch.visits += 1
            branch.total += value
            branch.best = max(branch.best, value)
            self._pool(branch, 1, value, value)
            value += branch.reward

    def bury(self, index: int) -> None:
        """Nothing goes down a branch at which the machine failed, nor down one that has only such children."""
        self.branches[index].dead = True
        above = self.branches[index].parent
        if above >= 0 and all(self.branches[i].dead for i in self.branches[above].children):
            self.bury(above)

    def q(self, index: int) -> float:
        """The backed-up value of a branch, its own reward included; 0 before its first visit."""
        branch = self.branches[index]
        visits, total, best = branch.visits - (branch.parent < 0), branch.total, branch.best
        if self.settings.merge == "state" and not branch.over:
            visits, total, best = self._pools.get(branch.key, (0, 0.0, 0.0))
        if not visits:
            return 0.0
        return branch.reward + (best if self.settings.backup == "max" else total / visits)

    def blended(self, index: int) -> float:
        """The value of a branch beside that of the critic, where it gave one."""
        critic, blend = self.branches[index].critic, self.settings.blend
        return self.q(index) if critic is None else blend * self.q(index) + (1 - blend) * critic

    def _pool(self, branch: Branch, visits: int, total: float, best: float) -> None:
        if self.settings.merge == "state" and not branch.over:  # an end's key may be that of a state that goes on
            n, t, b = self._pools.get(branch.key, (0, 0.0, -math.inf))
            self._pools[branch.key] = n + visits, t + total, max(b, best)
