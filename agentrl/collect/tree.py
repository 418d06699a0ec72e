"""Tree search as a collector: several replies at each state, the promising ones tried further, one rollout a task.

A round takes up to `width` leaves. A leaf that was visited before is expanded: the policy draws `expand` replies, equal
ones become one, the environment answers each from a fork, and a critic, if there is one, ranks them. Then one leaf
below is evaluated: the policy plays on to the end (those nodes stay in the rollout), or the critic's value is taken.
Leaves are counted in the order in which they were chosen, and every random stream is named by (seed, step, task, node),
so that a tree does not depend on what was done first, and a resumed search ends as an undisturbed one.

Source: Agent Q, Putta et al. 2024 (arXiv 2408.07199), which compares every two visited siblings (`learn.pairs.siblings`
over `values`). Differs from it: a branch's first visit evaluates its state and only the next expands it, so that the
visits of all children are one less than their parent's.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from agentrl.codec import task_to_json
from agentrl.collect.critic import Critic
from agentrl.collect.expand import Child, End, Explorer, Job, at_once
from agentrl.collect.forks import Loans, retried
from agentrl.collect.search import Branch, Settings, Tree
from agentrl.collect.searched import Progress, Searched
from agentrl.environment import Env
from agentrl.episodes import Plan, Policy, Sampling
from agentrl.errors import AgentRLError, ConfigError, UnscorableError
from agentrl.players import is_token_policy, renderer_of
from agentrl.types import Node, Provenance, Stop

__all__ = ["Forest", "search"]

T = TypeVar("T")
MAX_DROPPED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Forest:
    """What a plan gave.

    Attributes:
        trees: In the plan's order.
        dropped: Tasks left out because nothing of theirs could be scored.
    """

    trees: tuple[Searched, ...]
    dropped: int


async def search(
    make_env: Callable[[], Env],
    policy: Policy,
    plan: Plan,
    *,
    settings: Settings | None = None,
    sampling: Sampling | None = None,
    critic: Critic | None = None,
    concurrency: int = 16,
    folder: Path | None = None,
) -> Forest:
    """Search a tree for each task of a plan.

    Args:
        make_env: Makes a bare environment; up to `concurrency` times `width` are open at a time.
        policy: A token policy, or a text policy (whose trees cannot be trained on).
        plan: The tasks, with one sample each.
        settings: How to search.
        sampling: How to draw.
        critic: Values replies before they are tried.
        concurrency: Most tasks at a time.
        folder: Where each tree is written after each round, and read from where it is there already.

    Raises:
        ConfigError: The settings do not fit together, or the environment cannot be forked.
        CheckpointError: A file in `folder` belongs to another search.
        UnscorableError: Too many tasks could not be scored.
    """
    settings = settings or Settings()
    renderer = renderer_of(policy) if is_token_policy(policy) else None
    if concurrency < 1 or plan.samples != 1:
        raise ConfigError(
            f"a search takes one sample a task and concurrency from 1 on, got {plan.samples} and {concurrency}"
        )
    if settings.leaf == "critic" and critic is None:
        raise ConfigError("leaf='critic' needs a critic: give one, or leaf='policy'")
    if settings.token_budget is not None and renderer is None:
        raise ConfigError("token_budget needs a token policy: a text policy's tokens are not known")
    loans = Loans(make_env)
    job = Job(loans, policy, renderer, plan, settings, sampling or Sampling(), critic, folder)
    turns = asyncio.Semaphore(concurrency)

    async def one(index: int) -> Searched:
        async with turns:
            return await _Search(job, index).run()

    try:
        found = await at_once([one(index) for index in range(len(plan.tasks))])
    finally:
        loans.close()
    kept = tuple(s for s in found if s.rollout.stop == "done")
    if len(found) - len(kept) > MAX_DROPPED_SHARE * len(found):
        first = next(s for s in found if s.rollout.stop != "done")
        raise UnscorableError(
            f"{len(found) - len(kept)} of {len(found)} tasks could not be scored (the limit is "
            f"{MAX_DROPPED_SHARE:.0%}); first: task {first.rollout.task.id!r}, {first.rollout.stop}"
        )
    return Forest(kept, len(found) - len(kept))


class _Search:
    """One task's search."""

    def __init__(self, job: Job, index: int) -> None:
        self.job = job
        self.index = index
        self.task = job.plan.tasks[index]
        self.explorer = Explorer(job, index)
        self.started = time.perf_counter()
        self.path = None if job.folder is None else job.folder / f"{job.plan.step}-{index}.json"

    async def run(self) -> Searched:
        """Search until the iterations or the budget are used up, or nothing is left to try."""
        name = f"{self.job.plan.step}/{self.index}/0"
        try:
            progress = await self._begin()
            self.progress, self.tree, self.nodes = progress, progress.tree, progress.nodes
            while progress.stop is None and (leaves := self._chosen()):
                await self._round(leaves)
                progress.drawn, progress.prompt = self.explorer.drawn, self.explorer.prompt
                if self.path is not None:
                    progress.write(self.path, self._fit(), self._provenance())
        except Exception as error:
            if not isinstance(error, AgentRLError) and not getattr(error, "__notes__", None):
                error.add_note(f"in a search of {self.job.loans.name}, task {self.task.id!r}, {name}")
            raise
        if not progress.iterations and progress.stop is None:
            progress.stop = "infra_error"
        return progress.found(name, self._provenance())

    async def _begin(self) -> Progress:
        """The tree with its root alone, or as it was stored."""
        opening = await retried(self.explorer.begin)
        settings = self.job.settings
        if opening is None:
            return Progress(self.task, [], Tree(settings, Branch(-1, 0, 0, 0)), stop="infra_error")
        if self.path is None or not self.path.exists():
            return Progress(self.task, [opening], Tree(settings, Branch(-1, 0, 0, 0, opening.state_key)))
        progress = Progress.read(self.path, self._fit(), settings)
        self.explorer.drawn, self.explorer.prompt = progress.drawn, progress.prompt
        return progress

    def _chosen(self) -> list[int]:
        """The next round's leaves."""
        settings, progress = self.job.settings, self.progress
        if settings.token_budget is not None and progress.drawn >= settings.token_budget:
            return []
        leaves: list[int] = []
        while len(leaves) < min(settings.width, settings.iterations - progress.iterations):
            leaf = self.tree.select()
            if leaf is None:
                break
            leaves.append(leaf)
        return leaves

    async def _round(self, leaves: Sequence[int]) -> None:
        growing = [leaf for leaf in leaves if self.tree.may_grow(leaf)]
        grown = await self._timed([functools.partial(self._children, leaf) for leaf in growing])
        for leaf, children in zip(growing, grown, strict=True):
            self._graft(leaf, children)
        ready = []
        for leaf in leaves:
            self.tree.release(leaf)
            at = self.tree.first(leaf) if leaf in growing else leaf
            if at is not None:
                self.tree.hold(at)
                ready.append(at)
        ends = await self._timed([functools.partial(self._end, leaf) for leaf in ready])
        for leaf, end in zip(ready, ends, strict=True):
            self.tree.release(leaf)
            self._count(leaf, end)

    async def _children(self, leaf: int) -> list[Child]:
        tip = self.tree.branches[leaf].tip
        return await self.explorer.children(self._nodes_to(tip), tip)

    async def _end(self, leaf: int) -> End | None:
        branch = self.tree.branches[leaf]
        if branch.over:
            return End(0.0)
        if self.job.settings.leaf == "critic":
            return End(branch.critic or 0.0)
        return await self.explorer.end(self._nodes_to(branch.tip), branch.tip, branch.visits)

    def _graft(self, leaf: int, children: Sequence[Child]) -> None:
        """Put an expanded leaf's children into the tree and the rollout."""
        above = self.tree.branches[leaf]
        whole = math.fsum(child.prior for child in children)
        failed = [] if children else [leaf]
        for child in children:
            self.nodes.append(replace(child.node, parent=above.tip))
            node = len(self.nodes) - 1
            if child.observation is not None:
                self.nodes.append(replace(child.observation, parent=node))
                self.explorer.forks.keep(node + 1, child.snapshot)
            branch = Branch(leaf, node, -1 if child.observation is None else node + 1, above.depth + 1)
            branch.key, branch.reward, branch.critic = child.node.state_key, child.node.reward or 0.0, child.critic
            branch.prior = child.prior / whole if whole else 1 / len(children)
            index = self.tree.add(branch)
            failed += [index] if child.stop == "infra_error" else []
            self._stopped(child.stop)
        for index in failed:
            self.tree.bury(index)
        self.explorer.forks.forget(above.tip)

    def _count(self, leaf: int, end: End | None) -> None:
        """Put what a leaf led to into the rollout, and its value into the tree."""
        if end is None:
            self.tree.bury(leaf)
            return
        parent = self.tree.branches[leaf].tip
        for node in end.nodes:
            self.nodes.append(replace(node, parent=parent))
            parent = len(self.nodes) - 1
        self._stopped(end.stop)
        self.tree.back_up(leaf, end.value)
        self.progress.iterations += 1

    def _stopped(self, stop: Stop | None) -> None:
        if stop == "task_invalid":
            self.progress.stop = stop

    def _nodes_to(self, tip: int) -> list[Node]:
        path = [tip]
        while self.nodes[path[-1]].parent >= 0:
            path.append(self.nodes[path[-1]].parent)
        return [self.nodes[index] for index in reversed(path)]

    async def _timed(self, work: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Do a round's work; count how long each part took and how long all were held, by the longest of them."""
        started, took = time.perf_counter(), list[float]()

        async def one(part: Callable[[], Awaitable[T]]) -> T:
            done = await part()
            took.append(time.perf_counter() - started)
            return done

        found = await at_once([one(part) for part in work])
        self.progress.busy_s += math.fsum(took)
        self.progress.held_s += len(took) * max(took, default=0.0)
        return found

    def _provenance(self) -> Provenance:
        job, how = self.job, self.job.sampling
        return Provenance(
            env=job.loans.name,
            seed=job.plan.seed,
            step=job.plan.step,
            task_index=self.index,
            policy=getattr(job.policy, "name", type(job.policy).__name__),
            temperature=how.temperature,
            top_p=how.top_p,
            renderer=job.renderer.fingerprint if job.renderer is not None else "",
            seconds=time.perf_counter() - self.started,
        )

    def _fit(self) -> dict[str, Any]:
        """What a search must share with a stored one to go on with it, which may be for longer."""
        provenance = {k: v for k, v in asdict(self._provenance()).items() if k != "seconds"}
        settings = asdict(self.job.settings)
        return {
            "settings": {k: v for k, v in settings.items() if k not in ("iterations", "token_budget")},
            "sampling": asdict(self.job.sampling),
            "task": task_to_json(self.task),
            **provenance,
        }
