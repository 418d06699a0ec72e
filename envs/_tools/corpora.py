"""Tools to search and requests to search for: what a folder of public data holds.

MetaTool         plugin_des.json, big_tool_des.json, all_clean_data.csv.gz, multi_tool_query_golden.json
StableToolBench  G1_*.json.gz and the like: queries with `api_list` and `relevant APIs`; ToolBench has the same
Seal-Tools       tool.jsonl and its splits
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.data import read_json, split_of
from agentrl.envs._tools.seal_rows import is_seal, seal_rows, seal_tools
from agentrl.errors import DataError
from agentrl.types import Split

__all__ = ["Corpus", "Wanted", "read_corpus"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request with the tools that it needs.

    Attributes:
        id: Its own.
        text: What the user says.
        relevant: Ids of tools.
        calls: The gold calls of `tool_calls`; empty where the data has none.
    """

    id: str
    text: str
    relevant: tuple[str, ...]
    calls: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents by id, declarations by id where the data has them, and the requests of one split."""

    documents: Mapping[str, str]
    tools: Mapping[str, Mapping[str, Any]]
    wanted: Sequence[Wanted]


def read_corpus(folder: Path, split: Split) -> Corpus:
    """What a folder holds; requests that the data does not split are dealt by a digest, four fifths to train.

    Raises:
        DataError: It holds none of the data sets, or a file is not what it should be.
    """
    if is_seal(folder):
        return _seal(folder, split)
    listed = sorted(path for path in folder.glob("G[123]_*.json*") if path.name.endswith((".json", ".json.gz")))
    if not listed and not (folder / "plugin_des.json").is_file():
        raise DataError(
            f"{folder} holds neither MetaTool, nor StableToolBench or ToolBench, nor Seal-Tools; see the card"
        )
    try:
        found = _benches(listed) if listed else _metatool(folder)
    except DataError:  # says already which file it is
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{folder}: a file is not of the data set's form: {error!r:.80}") from error
    wanted = [one for one in found.wanted if split_of("tools", " ".join(one.text.casefold().split())) == split]
    return Corpus(found.documents, {}, wanted)


def _seal(folder: Path, split: Split) -> Corpus:
    tools = seal_tools(folder)
    documents = {name: f"{name} {tool['description']}" for name, tool in tools.items()}
    declared = {name: {k: v for k, v in tool.items() if k != "field"} for name, tool in tools.items()}
    rows = (row for row in seal_rows(folder, split, ("multiple", "parallel")) if row is not None)
    wanted = [_from_calls(row.id, row.messages[-1].content, row.answer["calls"]) for row in rows]
    return Corpus(documents, declared, wanted)


def _from_calls(id: str, text: str, calls: Sequence[Mapping[str, Any]]) -> Wanted:
    return Wanted(id, text, tuple(dict.fromkeys(call["name"] for call in calls)), calls)


def _benches(paths: Sequence[Path]) -> Corpus:
    documents: dict[str, str] = {}
    wanted = []
    for path in paths:
        for number, row in enumerate(read_json(path)):
            for api in row["api_list"]:
                about = f"{api['category_name']} {api['tool_name']} {api['api_name']} {api['api_description']}"
                documents.setdefault(f"{api['tool_name']}/{api['api_name']}", " ".join(about.split()))
            relevant = tuple(dict.fromkeys(f"{tool}/{api}" for tool, api in row["relevant APIs"]))
            wanted.append(Wanted(f"{path.name.partition('.')[0]}/{number}", row["query"].strip(), relevant))
    return Corpus(documents, {}, wanted)


def _metatool(folder: Path) -> Corpus:
    descriptions: dict[str, str] = {**read_json(folder / "plugin_des.json"), **read_json(folder / "big_tool_des.json")}
    documents = {name: f"{name} {about}" for name, about in descriptions.items()}
    several = read_json(folder / "multi_tool_query_golden.json")
    rows = itertools.chain(_single(folder), ((row["query"], tuple(row["tool"])) for row in several))
    asked: dict[str, tuple[str, ...]] = {}
    for text, relevant in rows:
        asked.setdefault(text.strip(), relevant)
    return Corpus(
        documents, {}, [Wanted(f"metatool/{i}", text, tools) for i, (text, tools) in enumerate(asked.items())]
    )


def _single(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    packed = folder / "all_clean_data.csv.gz"
    path = packed if packed.is_file() else folder / "all_clean_data.csv"
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path == packed else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for row in csv.DictReader(io.StringIO(text, newline="")):
        yield row["Query"], (row["Tool"],)
