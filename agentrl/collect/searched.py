"""What a search has found: its rollout, the values of its nodes, what it took, and all of it as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from agentrl.codec import rollout_from_json, rollout_to_json
from agentrl.collect.search import Branch, Settings, Tree
from agentrl.errors import CheckpointError
from agentrl.learn.turns import Backup
from agentrl.store import write_atomically
from agentrl.types import Node, Provenance, Rollout, Score, Stop, Task

__all__ = ["Effort", "Progress", "Searched", "best", "values"]


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search took.

    Attributes:
        iterations: Leaves that were evaluated.
        nodes: Nodes of the rollout.
        drawn_tokens: Tokens that the policy drew, those of equal replies included and a critic's not.
        prompt_tokens: Tokens that it read to draw them, were nothing cached; 0 for a text policy.
        unscored: Branches at which the machine failed.
        seconds: Wall time.
        waiting_share: Share of the time of all leaves under way that they waited for others of their round.
    """

    iterations: int
    nodes: int
    drawn_tokens: int
    prompt_tokens: int
    unscored: int
    seconds: float = field(default=0.0, compare=False)
    waiting_share: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Searched:
    """One task's tree.

    Attributes:
        rollout: All nodes: replies with what they led to, and below evaluated leaves the policy's way from there to the
            end. The last node is the end of the best path (see `best`), so that the rollout's own reward and verdict
            are those of the search's answer.
        scores: Of each reply in the tree: "visits", "prior", once visited "q", and "critic" where there is one.
        effort: What it took.
    """

    rollout: Rollout
    scores: tuple[Score, ...]
    effort: Effort


@dataclass(slots=True)
class Progress:
    """A search under way.

    Attributes:
        task: What it is about.
        nodes: The rollout's nodes, in the order in which they came.
        tree: Their counts and values.
        stop: Why the search cannot go on, if so.
        iterations: Leaves that were evaluated.
        drawn: Tokens drawn.
        prompt: Tokens read.
        held_s: Time of all leaves under way, waiting included.
        busy_s: Without waiting.
    """

    task: Task
    nodes: list[Node]
    tree: Tree
    stop: Stop | None = None
    iterations: int = 0
    drawn: int = 0
    prompt: int = 0
    held_s: float = 0.0
    busy_s: float = 0.0

    def found(self, id: str, provenance: Provenance) -> Searched:
        """The tree as it is now."""
        rollout = Rollout(id, self.task, tuple(self.nodes), self.stop or "done", provenance)
        rows = self._scores(id) if self.nodes else []
        leaf = best(rollout, rows) if self.nodes else 0
        place = {leaf: len(self.nodes) - 1}  # the others move up by one; none of them is below a leaf
        scores = tuple(replace(s, node=place.get(s.node, s.node - (s.node > leaf))) for s in rows)
        effort = Effort(
            self.iterations,
            len(self.nodes),
            self.drawn,
            self.prompt,
            sum(branch.dead for branch in self.tree.branches),
            provenance.seconds,
            1 - self.busy_s / self.held_s if self.held_s else 0.0,
        )
        return Searched(replace(rollout, nodes=_with_last(self.nodes, leaf)), scores, effort)

    def _scores(self, id: str) -> list[Score]:
        rows = []
        for index, branch in enumerate(self.tree.branches):
            terms: dict[str, float | None] = {
                "visits": float(branch.visits),
                "q": self.tree.q(index) if branch.visits else None,
                "prior": branch.prior,
                "critic": branch.critic,
            }
            rows += [Score(id, branch.node, "whole", term, v) for term, v in terms.items() if v is not None]
        return rows

    def write(self, path: Path, fit: Mapping[str, Any], provenance: Provenance) -> None:
        """Write all of it as one file; `fit` says what it belongs to."""
        rollout = Rollout("", self.task, tuple(self.nodes), self.stop or "done", provenance)
        branches = [asdict(branch) for branch in self.tree.branches]
        record = {
            "fit": fit,
            "rollout": rollout_to_json(rollout),
            "stop": self.stop,
            "counts": [self.iterations, self.drawn, self.prompt],
            "branches": [{k: v for k, v in b.items() if k not in ("children", "waiting")} for b in branches],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    @classmethod
    def read(cls, path: Path, fit: Mapping[str, Any], settings: Settings) -> Progress:
        """Read what `write` wrote.

        Raises:
            CheckpointError: It belongs to another search, or is damaged.
        """
        try:
            record = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
            rollout = rollout_from_json(record["rollout"])
            tree = Tree.of(settings, [Branch(**branch) for branch in record["branches"]])
            progress = cls(rollout.task, list(rollout.nodes), tree, record["stop"], *record["counts"])
            wrote = record["fit"]
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise CheckpointError(f"{path} is not a search that can be resumed ({error}); remove it") from error
        now = json.loads(json.dumps(fit))
        if wrote != now:
            other = sorted(k for k in now if wrote.get(k) != now[k])
            raise CheckpointError(
                f"{path} is of another search ({', '.join(other)}); remove it or choose another folder"
            )
        return progress


def best(rollout: Rollout, scores: Sequence[Score], *, by: Literal["visits", "q"] = "visits") -> int:
    """The end of the best path of a searched rollout: what a search answers at inference.

    From the root on it takes the reply with the most visits (of equals, that of the higher value), or by "q" that of
    the highest value. Below the last reply that was evaluated it takes the most rewarded of the policy's own ends. Of
    what is still equal the last is taken: so the best leaf stays the best when it is moved to the end.
    """
    table = _table(scores)
    children: dict[int, list[int]] = {}
    for index, node in enumerate(rollout.nodes):
        children.setdefault(node.parent, []).append(index)
    at = 0
    other: Literal["visits", "q"] = "q" if by == "visits" else "visits"
    while below := [i for i in children.get(at, []) if table["visits"].get(i)]:
        reply = max(below, key=lambda i: (table[by][i], table[other][i], i))
        if reply not in children:
            return reply
        at = children[reply][0]
    return max(_ends(children, at), key=lambda i: (sum(rollout.nodes[n].reward or 0.0 for n in rollout.path(i)), i))


def values(rollout: Rollout, scores: Sequence[Score], *, blend: float = 1.0) -> Backup:
    r"""What a search says of each node, for pairs of siblings and credit in trees.

    Args:
        rollout: That of `Searched`, or the same read from a store.
        scores: Its scores.
        blend: $\alpha$ in $Q = \alpha Q_{search} + (1 - \alpha) Q_{critic}$; where the critic said nothing,
            the search's value alone.

    Returns:
        nan and no visits for observations and for what the policy said below a leaf.
    """
    table, count = _table(scores), len(rollout.nodes)
    value_N, visits_N = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    for node, q in table["q"].items():
        if rollout.nodes[node].is_policy:
            value_N[node] = blend * q + (1 - blend) * table["critic"].get(node, q)
            visits_N[node] = int(table["visits"][node])
    return Backup(value_N, visits_N)


def _table(scores: Sequence[Score]) -> dict[str, dict[int, float]]:
    table: dict[str, dict[int, float]] = {term: {} for term in ("visits", "q", "prior", "critic")}
    for score in scores:
        table.setdefault(score.term, {})[score.node] = score.value
    return table


def _ends(children: Mapping[int, Sequence[int]], at: int) -> list[int]:
    """The leaves at or below a node, in order."""
    todo, found = [at], []
    while todo:
        here = todo.pop()
        todo += children.get(here, [])
        if here not in children:
            found.append(here)
    return sorted(found)


def _with_last(nodes: Sequence[Node], leaf: int) -> tuple[Node, ...]:
    """The nodes with a leaf moved to the end."""
    if not nodes:
        return ()
    order = [*(i for i in range(len(nodes)) if i != leaf), leaf]
    return tuple(replace(nodes[i], parent=nodes[i].parent - (nodes[i].parent > leaf)) for i in order)
