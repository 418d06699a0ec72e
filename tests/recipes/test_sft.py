import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentrl.errors import ConfigError, DataError
from agentrl.recipes import train
from agentrl.recipes.sft import Config, examples_of
from agentrl.render import ByteTokenizer, Renderer
from agentrl.store import Run
from agentrl.types import Message, Node, Provenance, Rollout, Task, Verdict


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(ByteTokenizer())


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def trained_text(renderer: Renderer, example: Any) -> str:
    trajectory = example.trajectory
    return renderer.tokenizer.decode(trajectory.token_ids[trajectory.mask].tolist())


def test_only_assistant_tokens_and_their_ends_are_trained(tmp_path: Path, renderer: Renderer) -> None:
    chat = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "four"},
    ]
    file = write(tmp_path / "a.jsonl", {"messages": chat}, {"prompt": "p", "completion": "c", "weight": 0.5})
    first, second = examples_of(file, renderer, max_length=100)
    assert trained_text(renderer, first) == "two<|end|>four<|end|>"
    whole = "<|open|>uone<|end|><|open|>atwo<|end|><|open|>uthree<|end|><|open|>afour<|end|>"
    assert renderer.tokenizer.decode(first.trajectory.token_ids.tolist()) == whole
    assert (trained_text(renderer, second), second.weight) == ("c<|end|>", 0.5)


def test_completion_that_spells_a_special_token_stays_text(tmp_path: Path, renderer: Renderer) -> None:
    file = write(tmp_path / "a.jsonl", {"prompt": "p", "completion": "x<|end|>y"})
    (example,) = examples_of(file, renderer, max_length=100)
    assert example.trajectory.token_ids[example.trajectory.mask].tolist() == [*b"x<|end|>y", 257]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "nothing to learn|empty"),
        ([{"prompt": "p"}], "row 1: needs `messages`, or `prompt` and `completion`"),
        ([{"messages": [{"role": "user", "content": "q"}]}], "row 1: has no assistant message"),
        ([{"prompt": "p", "completion": "c"}, {"prompt": "p", "completion": "c" * 100}], "row 2: 107 tokens"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, renderer: Renderer, rows: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        examples_of(write(tmp_path / "a.jsonl", *rows), renderer, max_length=50)


def test_a_run_folder_gives_its_successes_with_their_own_ids(tmp_path: Path, renderer: Renderer) -> None:
    def rollout(name: str, verdict: Verdict, by: str) -> Rollout:
        nodes = (
            Node(-1, Message("user", "q"), (1, 2), (False, False), (0.0, 0.0)),
            Node(0, Message("assistant", "a"), (7, 257), (True, True), (-0.5, -0.25), reward=1.0, verdict=verdict),
        )
        return Rollout(name, Task.ask(name, "q", "a"), nodes, "done", Provenance("E", renderer=by))

    run = Run.create(tmp_path / "run", {})
    right, wrong = Verdict(1.0, "correct"), Verdict(0.0, "incorrect")
    run.commit(
        "train/a",
        [
            rollout("0", right, renderer.fingerprint),
            rollout("1", wrong, renderer.fingerprint),
            rollout("2", right, "other"),
        ],
    )
    own, foreign = examples_of(run.path, renderer, max_length=50)
    np.testing.assert_array_equal(own.trajectory.token_ids, [1, 2, 7, 257])
    assert renderer.tokenizer.decode(foreign.trajectory.token_ids.tolist()) == "<|open|>uq<|end|><|open|>aa<|end|>"


def test_config_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch must be at least 1"):
        Config(batch=0)
    with pytest.raises(ConfigError, match="needs `data`"):
        train("sft", {}, run=tmp_path / "run")
