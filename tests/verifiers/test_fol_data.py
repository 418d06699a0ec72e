"""Formulas that people and models wrote: most are read, none breaks anything."""

from __future__ import annotations

import contextlib
import gzip
import json
from typing import Any

import pytest

from agentrl.registry import grade
from agentrl.types import SCORED
from agentrl.verifiers._fol import prover
from agentrl.verifiers._fol.reader import ReadError, read
from agentrl.verifiers._fol.syntax import Formula, SymbolError, symbols
from tests.conftest import DataDir

LABELS = {"A": "True", "B": "False", "C": "Uncertain"}


def formulas(texts: list[str]) -> list[Formula] | None:
    try:
        found = [read(text).formula for text in texts]
        symbols(found)
    except (ReadError, SymbolError):
        return None
    return found


def test_folio_premises(data_dir: DataDir) -> None:
    with gzip.open(data_dir("folio") / "folio-train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    texts = {text for row in rows for text in row["premises-FOL"]}
    assert sum(formulas([text]) is not None for text in texts) >= 0.97 * len(texts)
    stories = list({row["story_id"]: row["premises-FOL"] for row in rows}.values())[::4]
    read_whole = [found for story in stories if (found := formulas(story)) is not None]
    assert len(read_whole) >= 0.9 * len(stories)
    outcomes = [prover.satisfiable(found).outcome for found in read_whole]
    assert outcomes.count("sat") >= 0.97 * len(outcomes)
    assert "unknown" not in outcomes


def program(text: str) -> tuple[list[str], str] | None:
    """Premises and conclusion of a program that a model wrote."""
    _, found, rest = text.partition("Premises:")
    before, concluded, after = rest.partition("Conclusion:")
    if not found or not concluded or not after.strip():
        return None
    premises = [line.partition(":::")[0] for line in before.splitlines() if line.strip()]
    return premises, after.strip().splitlines()[0].partition(":::")[0]


def programs(data_dir: DataDir, name: str) -> list[dict[str, Any]]:
    with gzip.open(data_dir("logiclm_programs") / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = json.load(file)
    return rows


def test_labels_of_folio_from_a_models_formulas(data_dir: DataDir) -> None:
    counts = {"confirmed": 0, "other": 0, "unknown": 0, "unread": 0}
    for row in programs(data_dir, "FOLIO_dev_gpt-4")[::3]:
        parts = program(row["raw_logic_programs"][0])
        found = formulas([*parts[0], parts[1]]) if parts else None
        if found is None:
            counts["unread"] += 1
            continue
        label = prover.label_of(found[:-1], found[-1])
        undecided = label in ("unknown", "timeout")
        counts["confirmed" if label == LABELS[row["answer"]] else "unknown" if undecided else "other"] += 1
    assert counts["confirmed"] >= 40
    assert counts["unknown"] == 0
    assert counts["unread"] <= 14


@pytest.mark.parametrize("model", ["gpt-4", "gpt-3.5-turbo", "text-davinci-003"])
@pytest.mark.parametrize("kind", ["FOLIO", "ProofWriter", "ProntoQA", "LogicalDeduction"])
def test_programs_of_models_never_break_the_reader(data_dir: DataDir, kind: str, model: str) -> None:
    gold = {"premises": ["P(a)"], "conclusion": "P(a)", "label": "True"}
    for row in programs(data_dir, f"{kind}_dev_{model}")[::2]:
        for text in row["raw_logic_programs"]:
            for line in str(text).splitlines():
                with contextlib.suppress(ReadError):
                    read(line, scope="wide")
            assert grade("fol", str(text)[:3000], gold, extract="final").status in SCORED
