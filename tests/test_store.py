"""The run folder: what goes in comes out; what is damaged is never read; a torn write leaves nothing."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl import store
from agentrl.errors import StoreError
from agentrl.store import Run
from agentrl.types import Check, Message, Node, Provenance, Rollout, Span, Task, ToolCall, Verdict

TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["\n\r\u2028\x00", "\ud800", "\ud83d\ude00", "😀", '"}\n{"v":1']
)
NUMBER = st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
CALLS = st.lists(st.builds(ToolCall, TEXT, OBJECT, st.none() | TEXT), max_size=2).map(tuple)
MESSAGE = st.builds(
    Message, st.sampled_from(["system", "user", "assistant", "tool"]), TEXT, CALLS, st.none() | TEXT, st.none() | TEXT
)
CHECKS = st.lists(st.builds(Check, TEXT, st.booleans(), st.floats(0, 1), TEXT), max_size=2).map(tuple)
VERDICT = st.builds(
    Verdict, st.floats(0, 1), st.sampled_from(["partial", "incorrect"]), st.none() | TEXT, CHECKS, TEXT, st.floats(0, 9)
)


@st.composite
def nodes(draw: st.DrawFn, index: int) -> Node:
    n = draw(st.integers(0, 4))

    def many(each: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(each, min_size=n, max_size=n)))

    return Node(
        parent=draw(st.integers(-1, index - 1)),
        message=draw(MESSAGE),
        token_ids=many(st.integers(0, 10**6)),
        drawn=many(st.booleans()),
        logprobs=many(st.floats(max_value=0, allow_nan=False)),
        sampler_logprobs=draw(st.sampled_from([(), (-0.1,) * n])),
        spans=draw(st.lists(st.builds(Span, TEXT, st.integers(0, 9), st.integers(0, 9)), max_size=2).map(tuple)),
        state_key=draw(TEXT),
        version=draw(st.integers(-1, 9)),
        earlier=draw(st.lists(MESSAGE, max_size=2).map(tuple)),
        reward=draw(st.none() | st.floats(allow_nan=False)),
        verdict=draw(st.none() | VERDICT),
        ended=draw(st.sampled_from(["", "eos", "stop", "length"])),
    )


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    return Rollout(
        id=draw(TEXT),
        task=Task(draw(TEXT), draw(st.lists(MESSAGE, max_size=2).map(tuple)), draw(JSON), draw(OBJECT)),
        nodes=tuple(draw(nodes(i)) for i in range(draw(st.integers(0, 3)))),
        stop=draw(st.sampled_from(["done", "turn_limit", "token_limit", "infra_error", "task_invalid"])),
        provenance=draw(st.builds(Provenance, TEXT, policy=TEXT, temperature=st.floats(0, 2), tries=st.integers(1, 3))),
    )


def sample(number: int = 0, text: str = "hi") -> Rollout:
    asked, said = Node(-1, Message("user", "q")), Node(0, Message("assistant", text), reward=1.0)
    return Rollout(f"0/{number}/0", Task.ask(f"t{number}", "q", "a"), (asked, said), "done", Provenance("E"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"seed": 1})


def files(run: Run) -> set[str]:
    return {str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file()}


# Rollouts.


@given(given_rollouts=st.lists(rollouts(), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_what_is_committed_is_read_back_equal(
    given_rollouts: list[Rollout], tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = Run.create(tmp_path_factory.mktemp("run"), {})
    run.commit("a", given_rollouts)
    found = Run.open(run.path).read("a")
    assert found == given_rollouts
    for was, now in zip(given_rollouts, found, strict=True):
        assert was.provenance.tries == now.provenance.tries
        assert [n.verdict.seconds for n in was.nodes if n.verdict] == [
            n.verdict.seconds for n in now.nodes if n.verdict
        ]


def test_shards_have_names_and_are_listed(run: Run) -> None:
    run.commit("train/step_000002", [sample(2)])
    run.commit("train/step_000001.b", [sample(1)])
    run.commit("eval/x", [sample(3)])
    assert run.shards() == ["eval/x", "train/step_000001.b", "train/step_000002"]
    assert run.has("eval/x")
    assert not run.has("eval/y")


def test_a_shard_is_written_once_and_holds_something(run: Run) -> None:
    run.commit("a", [sample()])
    with pytest.raises(StoreError, match="written once"):
        run.commit("a", [sample(1)])
    with pytest.raises(StoreError, match="at least one"):
        run.commit("b", [])
    assert run.read("a") == [sample()]


SHARD = [sample(0), sample(1, "é😀\ud800"), sample(2)]


@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_a_flipped_byte_is_never_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = Run.create(tmp_path_factory.mktemp("run"), {})
    run.commit("a", SHARD)
    path = run.path / "rollouts" / "a.jsonl"
    raw = bytearray(path.read_bytes())
    # Heads and borders are few bytes among many: aim at them as well.
    edges = [i + d for i, byte in enumerate(raw) if byte == 10 for d in (-1, 0, 1, 6, 15, 30) if i + d < len(raw)]
    at = data.draw(st.integers(0, len(raw) - 1) | st.integers(0, 40) | st.sampled_from(edges))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"a\.jsonl:[1-4]: "):
        run.read("a")


def test_a_truncated_shard_is_never_read(run: Run) -> None:
    run.commit("a", SHARD)
    path = run.path / "rollouts" / "a.jsonl"
    raw = path.read_bytes()
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(StoreError, match=r"a\.jsonl:[1-3]: "):
            run.read("a")


def test_records_that_are_lost_doubled_or_swapped_are_found(run: Run) -> None:
    run.commit("a", SHARD)
    path = run.path / "rollouts" / "a.jsonl"
    one, two, three, _ = path.read_bytes().split(b"\n")
    for lines in ([two, three], [one, three], [one, one, two, three], [two, one, three], [one, two]):
        path.write_bytes(b"\n".join([*lines, b""]))
        with pytest.raises(StoreError, match="stands at"):
            run.read("a")


def test_no_such_shard(run: Run) -> None:
    with pytest.raises(StoreError, match=r"cannot read shard .*nothing\.jsonl"):
        run.read("nothing")


# Schemas.


def test_an_older_record_is_migrated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.commit("old", [sample()])

    def rename(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "id": "migrated/" + record["id"]}

    monkeypatch.setattr(store, "SCHEMA", 3)
    with pytest.raises(StoreError, match=r"old\.jsonl:1: .*KeyError"):
        run.read("old")
    monkeypatch.setattr(store, "MIGRATIONS", {1: rename, 2: rename})
    assert [r.id for r in run.read("old")] == ["migrated/migrated/0/0/0"]
    run.commit("new", [sample()])
    assert [r.id for r in run.read("new")] == ["0/0/0"]


def test_a_newer_record_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store, "SCHEMA", 12)
        run.commit("a", [sample()])
    with pytest.raises(StoreError, match="schema 12 is newer than 1; install"):
        run.read("a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 2}', "install a newer"),
        ("[1]", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"schema": "1"}', "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_folder_that_is_not_ours_is_refused(run: Run, content: str, message: str) -> None:
    (run.path / "run.json").write_text(content)
    with pytest.raises(StoreError, match=message):
        Run.open(run.path)


def test_create_and_open(run: Run, tmp_path: Path) -> None:
    assert Run.open(run.path).config == {"seed": 1}
    with pytest.raises(StoreError, match="not an empty folder"):
        Run.create(run.path, {})
    with pytest.raises(StoreError, match="not a run folder"):
        Run.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        Run.create(tmp_path / "file" / "below", {})


# Disks that fill up, processes that die, two that write.


def _fill(path: str, out: Any) -> None:
    """Commit under a limit on file size, which fails as a full disk does: half way through the write."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    run = Run.open(path)
    run.commit("before", [sample()])
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    errors = []
    writes: tuple[Callable[[], None], ...] = (
        lambda: run.commit("train/big", [sample(text="x" * 20_000)]),
        lambda: run.log({"x": "x" * 9000}),
    )
    for write in writes:
        try:
            write()
        except StoreError as error:
            errors.append(str(error))
    out.put(errors)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing_torn(run: Run) -> None:
    run.log({"step": 0})
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=_fill, args=(str(run.path), out))
    process.start()
    errors = out.get(timeout=60)
    process.join()
    assert len(errors) == 2
    for error in errors:
        assert "cannot write" in error
        assert "File too large" in error
        assert "intact" in error
        assert "\n" not in error
    assert files(run) == {"run.json", "config.json", "metrics.jsonl", "rollouts/before.jsonl"}
    assert run.read("before") == [sample()]
    assert run.metrics() == [{"step": 0}]


def _hold(path: str, ready: Any, go: Any) -> None:
    with Run.open(path).writer():
        ready.set()
        go.wait(60)


def test_one_process_writes_at_a_time(run: Run) -> None:
    context = multiprocessing.get_context("spawn")
    ready, go = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(run.path), ready, go))
    process.start()
    assert ready.wait(60)
    with pytest.raises(StoreError, match="being written by another process"), run.writer():
        pass
    go.set()
    process.join()
    with run.writer(), pytest.raises(StoreError), Run.open(run.path).writer():
        pass
    with run.writer():
        pass


def test_the_lock_does_not_rename_the_errors_of_what_it_guards(run: Run) -> None:
    with pytest.raises(FileNotFoundError, match="mine"), run.writer():
        raise FileNotFoundError("mine")


def test_what_a_killed_writer_left_is_swept(run: Run) -> None:
    torn = run.path / "rollouts" / ".a.jsonl.1.part"
    torn.write_bytes(b"half a rec")
    assert run.shards() == []
    with run.writer():
        assert not torn.exists()


# Metrics.


def keep_below(step: int) -> Any:
    def keep(record: Mapping[str, Any]) -> bool:
        return bool(record["step"] < step)

    return keep


def test_metrics_are_kept_in_order_and_rewound(run: Run) -> None:
    assert run.metrics() == []
    for step in range(4):
        run.log({"step": step, "loss": step / 3, "text": "é\n\u2028"})
    assert [r["step"] for r in run.metrics()] == [0, 1, 2, 3]
    run.rewind_metrics(keep_below(2))
    assert run.metrics() == [{"step": i, "loss": i / 3, "text": "é\n\u2028"} for i in range(2)]


def test_a_torn_last_line_is_left_out_and_a_rewound_log_goes_on(run: Run) -> None:
    run.log({"step": 0})
    path = run.path / "metrics.jsonl"
    with path.open("ab") as file:
        file.write(b'{"step": 1, "te')
    assert run.metrics() == [{"step": 0}]
    run.log({"step": 2})
    assert run.metrics() == [{"step": 0}, {"step": 2}]


@pytest.mark.parametrize("damage", [b"{oops}\n", b"\xff\xfe\n", b"\n"])
def test_damage_before_the_last_line_is_an_error_that_names_the_line(run: Run, damage: bytes) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"step":0}\n' + damage + b'{"step":2}\n')
    with pytest.raises(StoreError, match=r"metrics\.jsonl:2: "):
        run.metrics()


def test_a_small_file_is_written_whole(run: Run) -> None:
    path = run.write_json("summary.json", {"a": [1]})
    assert json.loads(path.read_text()) == {"a": [1]}
    run.write_json("summary.json", {"a": [2]})
    assert json.loads(path.read_text()) == {"a": [2]}
    with pytest.raises(StoreError, match="cannot write"):
        run.write_json("no/such/folder.json", {})
    assert not [f for f in files(run) if "part" in f]
