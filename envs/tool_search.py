"""Finding tools: a request is turned into queries that make a search engine list the right tools first.

The reply is one query a line, up to four lines of 300 characters. Each ranks the tools by their names and descriptions:
by BM25 over the words, or by the cosine of embeddings (`retriever`); the rankings are read in turn, best first, and the
first `k` are scored against the tools that the request needs by the `retrieval` verifier (nDCG by default; the check
`complete` says whether all were found). With mode "call" the tools that were found are then shown, and the calls are
made; `tool_calls` verifies them, and the reward is combined at the end: "product" of both, their "mean", or "call"
alone. A search that misses a tool ends the episode there.

The generator has 2,400 tools: 20 domains, 10 things in each, 12 actions on each thing; every tool has near ones that
share two of the three. Requests paraphrase: at level 1 one of domain, thing and action is in other words than the
tool's, at level 2 two, at level 3 all three; a request needs one tool, up to two, and up to three. No tool is
in train and in test, at whatever level. What the engine must be asked is learnable, for each word has few paraphrases.

Source: nDCG@k and completeness as in ToolBench (arXiv:2307.16789), MetaTool (HowieHwong/MetaTool, arXiv:2310.03128) and
Seal-Tools (fairyshine/Seal-Tools, arXiv:2405.08355). `source` reads a folder of MetaTool, of StableToolBench
(arXiv:2403.07714; ToolBench's files have the same form), or of Seal-Tools, which has calls as well.

Differs from the source: there the retriever gets the request as it is, and may be trained; here the policy writes the
query, and BM25 (`bm25s`) or fixed embeddings search. The embedder is WordLlama (dleemiller/WordLlama, its wheel alone,
no download), a sentence-transformers model or a function of one's own; texts and queries are embedded alike, without
prompts, and all are compared. Requests that find their tools as they stand are left out, so that an echo is never
perfect (for generated ones also with each tool's part as a line of its own), and so are those that the tools' own words
do not find, or with over four tools; `left_out` counts them. Each retriever thus has tasks of its own.

Covered: one or several tools, hard negatives, held-out tools, forks by replay. Empty replies earn 0; a constant or a
noisy one may hit some task's tool, with a mean below 0.01. The request repeated never has an nDCG of 1; the mean nDCG@5
of that, of its parts a line each without the date, and of the train rows of Seal-Tools, MetaTool and StableToolBench:

               level 1, parts   level 2, parts   level 3, parts   Seal-Tools   MetaTool   StableToolBench
    BM25         0.20   0.20      0.03   0.02      0.00   0.00       0.16         0.14         0.32
    embeddings   0.27   0.33      0.10   0.20      0.03   0.08       0.17         0.26         0.30

With mode "call" a repeated request earns 0, for the calls are still to be made, and under "mean" half of its nDCG.
Not covered: searching again after a look at the results; training the retriever; calls for MetaTool and ToolBench,
whose data has none.
Data licence: generated, none; MetaTool MIT, StableToolBench, ToolBench and Seal-Tools Apache-2.0; WordLlama's weights
MIT, trained from Llama 2's token embeddings.
"""

from __future__ import annotations

import datetime
import functools
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from agentrl import registry
from agentrl.data import generated
from agentrl.environment import Env, Outcome
from agentrl.envs._levels import levels_of
from agentrl.envs._search.embedders import WORDLLAMA
from agentrl.envs._tools.corpora import Corpus, Wanted, read_corpus
from agentrl.envs._tools.dialects import READ_AS, WRITTEN_AS, Dialect, shown_tools, written
from agentrl.envs._tools.directory import dealt, directory
from agentrl.envs._tools.kinds import Scene
from agentrl.envs._tools.ranking import MAX_CHARS, MAX_QUERIES, Index, by_vectors, by_words, read_queries
from agentrl.errors import DataError, check_choice, check_count
from agentrl.golds import is_usable
from agentrl.types import Check, Message, Split, Status, Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import final_segment

Mode = Literal["query", "call"]
Metric = Literal["ndcg", "completeness", "recall"]
Combine = Literal["product", "mean", "call"]
Retriever = Literal["bm25", "embeddings"]
HIGHEST_LEVEL = 3
MAX_K = 50
SYSTEM = (
    "You find tools for a request. Reply with search queries and nothing else, one a line, at most four; each should "
    "name one tool in the words of its own description. {}{}"
)
COMPARED: Mapping[Retriever, str] = MappingProxyType(
    {
        "bm25": "The search compares words as they are written.",
        "embeddings": "The search compares meanings, by embeddings.",
    }
)
OWN = (
    ' Each tool does one action on one kind of thing in one domain, and is described like "Archive an invoice of the '
    'fleet."; for a request in other words, find the plain ones.'
)
THEN = " The tools that are found will be shown, and you make the calls then."
CALL = (
    "These tools were found. Now make the calls that the request asks for, all in one reply. Pass quoted text as it "
    "is, without the quotes.\n\n{}"
)


class ToolSearch(Env):
    """Requests, and a search engine for tools.

    Args:
        mode: "query" ends after the search; "call" goes on to the calls.
        level: 1 to 3, of generated tasks, or a range such as "1-3"; see the module.
        k: How many tools are found, 3 to 50.
        retriever: What searches: "bm25" or "embeddings".
        embedder: Whose vectors: "wordllama", a function as `package.module:function` or `path/file.py:function` from
            a list of texts to an array with one row for each, or a sentence-transformers model, by name or folder.
        metric: How the ranking is scored: "ndcg", "completeness" or "recall".
        combine: How the search and the calls make the reward under mode "call".
        dialect: How calls are written: "hermes", "llama_json" or "python".
        count: Generated tasks of each split.
        source: A folder of MetaTool, StableToolBench, ToolBench or Seal-Tools; empty generates tasks.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has a value that does not exist.
    """

    verifier = "retrieval"

    def __init__(  # noqa: PLR0913  # options of the task and of both turns
        self,
        *,
        mode: Mode = "query",
        level: int | str = 1,
        k: int = 5,
        retriever: Retriever = "bm25",
        embedder: str = WORDLLAMA,
        metric: Metric = "ndcg",
        combine: Combine = "product",
        dialect: Dialect = "hermes",
        count: int = 10_000,
        source: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, max_turns=2 if mode == "call" else 1, render_mode=render_mode)
        check_choice("mode", mode, get_args(Mode))
        check_choice("metric", metric, get_args(Metric))
        check_choice("combine", combine, get_args(Combine))
        check_choice("dialect", dialect, [name for name in get_args(Dialect) if name != "openai"])
        check_choice("retriever", retriever, get_args(Retriever))
        check_count("k", k, least=HIGHEST_LEVEL, most=MAX_K)
        check_count("count", count)
        self.mode, self.combine, self.dialect = mode, combine, dialect
        self.levels, self.k, self.count, self.source = levels_of(level, HIGHEST_LEVEL), k, count, source
        self.retriever, self.embedder = retriever, embedder
        self._key = f"tool_search/{level}" + f"/{embedder}" * (retriever == "embeddings")
        self.verifier_options = {"metric": metric}
        self.left_out: dict[Split, int] = {}
        self._searched: Verdict | None = None
        self._found: tuple[str, ...] = ()

    def tasks(self, split: Split) -> Sequence[Task]:
        """Generated tasks, each made when it is asked for, or those of the source.

        Raises:
            DataError: The source cannot be read, or has no calls for mode "call".
            ConfigError: There is no such embedder, or it gives no vectors.
            MissingExtraError: What the retriever needs is not installed.
        """
        if self.source:
            return list(self._loaded(split))
        return generated(self._key, split, self.count, functools.partial(self._draw, dealt(split)))

    def gold(self, task: Task) -> Sequence[str | Message]:
        """Queries in the tools' own words, and then the calls."""
        queries = "\n".join(task.data["queries"])
        if self.mode == "query":
            return (queries,)
        found = self._library.index.rank(task.data["queries"], self.k)
        return (queries, written(self._call_gold(task, found), self.dialect))

    def begin(self, task: Task) -> tuple[Message, ...]:
        """Nothing was searched for yet."""
        self._searched, self._found = None, ()
        return task.prompt

    def respond(self, action: Message) -> Outcome:
        """Search with the reply's queries, or verify its calls."""
        assert self.task is not None
        if self._searched is not None:
            return _end(self._combined(self._called(action)))
        queries = read_queries(final_segment(action.content))
        if queries is None:
            limits = f"at most {MAX_QUERIES} queries of {MAX_CHARS} characters"
            return _end(Verdict(0.0, "malformed", feedback=f"The reply must be {limits}, one a line."))
        self._found = tuple(self._library.index.rank(queries, self.k))
        searched = self._verify(self.task, _listing(self._found))
        complete = set(self.task.answer["relevant"]) <= set(self._found)
        self._searched = _with_check(searched, Check("complete", complete))
        if self.mode == "query":
            return _end(self._searched)
        if not complete:
            return _end(self._combined(Verdict(0.0, "incorrect", feedback="A tool that is needed was not found.")))
        shown = shown_tools([self._declaration(name) for name in self._found], self.dialect)
        return Outcome((Message("user", CALL.format(shown)),))

    def _called(self, action: Message) -> Verdict:
        assert self.task is not None
        verify = registry.load_verifier("tool_calls", dialect=READ_AS[self.dialect])
        task = Task(self.task.id, self.task.prompt, self._call_gold(self.task, self._found))
        return verify(task, Transcript((action,)))

    def _combined(self, called: Verdict) -> Verdict:
        """The verdict on both turns."""
        searched = self._searched
        assert searched is not None
        if self.combine == "call":
            score = called.score
        elif self.combine == "mean":
            score = (searched.score + called.score) / 2
        else:
            score = searched.score * called.score
        checks = (*searched.checks, *called.checks)
        if score == 1.0:
            return Verdict(1.0, "correct", called.answer, checks)
        status: Status = "partial" if score > 0 else "incorrect" if called.success else called.status
        return Verdict(score, status, called.answer, checks, called.feedback or searched.feedback)

    def _call_gold(self, task: Task, found: Sequence[str]) -> dict[str, Any]:
        tools = [{k: v for k, v in self._declaration(name).items() if k != "description"} for name in found]
        return {"tools": tools, "calls": task.answer["calls"]}

    def _declaration(self, name: str) -> Mapping[str, Any]:
        return self._library.tools[name] if self.source else directory()[name].tool().declaration()

    @property
    def _library(self) -> _Library:
        return _library(self.source, self.embedder if self.retriever == "embeddings" else None)

    def _draw(self, names: Sequence[str], rng: random.Random, id: str) -> tuple[str, Task] | None:
        """Some tools of these, asked for; None where their own words do not find them, or the request itself does."""
        listed, level = directory(), rng.choice(self.levels)
        names = rng.sample(names, rng.randint(1, level))
        scene = Scene(rng, level, datetime.date(2024, 1, 1) + datetime.timedelta(days=rng.randrange(1400)))
        asked = [listed[name].asked(scene) for name in names]
        today = f"Today is {scene.today:%A}, {scene.today.day} {scene.today:%B %Y}."
        text = " ".join((today, *(f"{'Also' if i else 'Please'}, {one.text}." for i, one in enumerate(asked))))
        wanted = Wanted(id, text, tuple(names), [one.gold() for one in asked])
        echoes = ([text], [one.text for one in asked])
        task = self._task(wanted, [listed[name].query for name in names], echoes, OWN)
        return None if task is None else (min(names), task)

    def _loaded(self, split: Split) -> Iterator[Task]:
        corpus = _corpus(self.source, split)
        if self.mode == "call" and not corpus.tools:
            raise DataError(f"{self.source} has no calls; take mode='query', or Seal-Tools")
        self.left_out[split] = 0
        for wanted in corpus.wanted:
            task = self._task(wanted, _own_words(corpus, wanted), (read_queries(wanted.text) or [],), "")
            if task is not None and self._usable(task):
                yield task
            else:
                self.left_out[split] += 1

    def _usable(self, task: Task) -> bool:
        """Whether the task's own calls can be read and written, where they are asked for."""
        if self.mode == "query":
            return True
        answer = self._call_gold(task, task.answer["relevant"])
        return is_usable("tool_calls", answer, {"dialect": WRITTEN_AS[self.dialect]})

    def _task(self, wanted: Wanted, queries: Sequence[str], echoes: Iterable[Sequence[str]], hint: str) -> Task | None:
        """A task, where the queries find what is wanted first and none of the echoes of the request does."""
        relevant = set(wanted.relevant)
        if not relevant or not queries or len(queries) > MAX_QUERIES:
            return None
        found, *echoed = (set(self._library.index.rank(each, len(relevant))) for each in (queries, *echoes))
        if found != relevant or relevant in echoed:
            return None
        answer: dict[str, Any] = {"relevant": sorted(relevant), "k": self.k}
        if self.mode == "call":
            answer["calls"] = list(wanted.calls)
        system = SYSTEM.format(COMPARED[self.retriever], hint) + THEN * (self.mode == "call")
        prompt = (Message("system", system), Message("user", wanted.text))
        return Task(wanted.id, prompt, answer, {"queries": queries})


@dataclass(frozen=True, slots=True)
class _Library:
    """What can be found, and the declarations of it where there are any."""

    index: Index
    tools: Mapping[str, Mapping[str, Any]]


@functools.lru_cache(4)
def _library(source: str, embedder: str | None) -> _Library:
    """Of a source, or of the generator, searched by words where no embedder is named; shared within a process."""
    if source:
        corpus = _corpus(source, "train")
        documents, tools = corpus.documents, corpus.tools
    else:
        documents, tools = {name: f"{name} {one.about}" for name, one in directory().items()}, {}
    return _Library(by_words(documents) if embedder is None else by_vectors(documents, embedder), tools)


@functools.lru_cache(4)
def _corpus(source: str, split: Split) -> Corpus:
    return read_corpus(Path(source).expanduser(), split)


def _own_words(corpus: Corpus, wanted: Wanted) -> list[str]:
    """The beginning of each tool's document."""
    texts = [corpus.documents.get(name, "") for name in wanted.relevant]
    return [" ".join(text[:MAX_CHARS].split()) for text in texts] if all(texts) else []


def _listing(ids: Sequence[str]) -> Transcript:
    return Transcript((Message("assistant", json.dumps(list(ids))),))


def _with_check(verdict: Verdict, check: Check) -> Verdict:
    return Verdict(verdict.score, verdict.status, verdict.answer, (*verdict.checks, check), verdict.feedback)


def _end(verdict: Verdict) -> Outcome:
    return Outcome(reward=verdict.score, verdict=verdict, terminated=True)
