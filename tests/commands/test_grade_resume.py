"""`grade --out`: stopped wherever it stands and given again, it ends with the same file."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agentrl import grading
from agentrl.cli import main

SLOW = """
import time
from agentrl.types import Verdict
def verify(task, transcript):
    time.sleep(0.02)
    return Verdict(1.0, "correct") if transcript.reply == task.answer else Verdict(0.0, "incorrect")
"""


def rows(count: int) -> str:
    records: list[Any] = [{"id": i, "response": str(i), "answer": str(i - i % 3)} for i in range(count)]
    return "\n".join(json.dumps(r) for r in records) + "\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Six lines, one of them blank and one broken."""
    path = tmp_path / "in.jsonl"
    path.write_text(rows(3) + "\n{\n" + rows(1))
    return path


def graded(source: Path, out: Path, *args: str) -> int:
    return main(["grade", "exact", str(source), "--out", str(out), *args])


def test_each_record_names_its_line(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graded(source, tmp_path / "out.jsonl") == 1
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [r["line"] for r in records] == [1, 2, 3, 5, 6]
    assert len({r["digest"] for r in records}) == 4  # the first line stands there twice
    assert [r.get("status") for r in records] == ["correct", "incorrect", "incorrect", None, "correct"]
    assert capsys.readouterr().out == ""


def test_from_any_place_it_goes_on_to_the_same_file(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    assert graded(source, whole) == 1
    data = whole.read_bytes()
    capsys.readouterr()
    for cut in range(0, len(data) + 1, 7):
        part.write_bytes(data[:cut])
        assert graded(source, part) == 1  # the broken line counts, kept or not
        assert part.read_bytes() == data
        err = capsys.readouterr().err
        kept = data[:cut].count(b"\n")
        assert (f"{kept} kept from before" in err) == bool(kept)
        assert "5 lines; mean score 0.5000; correct 2, incorrect 2, broken 1" in err
        assert err.count("line 5: not JSON") == 1


@pytest.mark.parametrize(
    ("args", "change"),
    [
        (("--option", "compare=fold"), {}),
        ((), {"in.jsonl": rows(2)[:-3] + '9"}\n'}),
        ((), {"in.jsonl": "\n" + rows(2)}),
        ((), {"in.jsonl": rows(1)}),
        ((), {"out.jsonl": "not a verdict\n"}),
        ((), {"out.jsonl": "[]\n"}),
        ((), {"out.jsonl": "a note without an end of line"}),
        ((), {"out.jsonl": '{"id": 0, "response": "0", "answer": "0"}'}),
    ],
)
def test_a_file_of_other_verdicts_is_refused_and_left_as_it_is(
    args: tuple[str, ...], change: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(rows(2))
    assert graded(source, out) == 0
    for name, text in change.items():
        (tmp_path / name).write_text(text)
    before = out.read_bytes()
    capsys.readouterr()
    assert graded(source, out, *args) == 2
    assert re.search(r"out.jsonl, line \d is not of this input under this verifier", capsys.readouterr().err)
    assert out.read_bytes() == before


def test_verdicts_of_a_verifier_that_was_edited_are_refused(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verifier, out = tmp_path / "edited.py", tmp_path / "out.jsonl"
    verifier.write_text(SLOW.replace("0.02", "0"))
    assert main(["grade", str(verifier), str(source), "--out", str(out)]) == 1
    verifier.write_text(SLOW.replace("0.02", "0.0"))
    assert main(["grade", str(verifier), str(source), "--out", str(out)]) == 2
    assert "is not of this input under this verifier" in capsys.readouterr().err


def test_verdicts_are_refused_when_what_a_verifier_imports_was_edited(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder beside a verifier's file, and what that names in its turn."""
    home, out = tmp_path / "agentrl" / "verifiers", tmp_path / "out.jsonl"
    (home / "_words").mkdir(parents=True)
    (home / "_shared").mkdir()
    (home / "_words" / "judge.py").write_text("from agentrl.verifiers._shared.text import fold\n")
    (home / "_shared" / "text.py").write_text("fold = 1\n")
    (home / "_other.py").write_text("x = 1\n")
    verifier = tmp_path / "imports.py"
    verifier.write_text(SLOW.replace("0.02", "0") + "# agentrl.verifiers._words.judge\n")
    monkeypatch.setattr(grading, "__file__", str(tmp_path / "agentrl" / "grading.py"))
    command = ["grade", str(verifier), str(source), "--out", str(out)]
    assert main(command) == 1
    (home / "_other.py").write_text("x = 2\n")
    assert main(command) == 1
    assert "5 kept from before" in capsys.readouterr().err
    (home / "_shared" / "text.py").write_text("fold = 2\n")
    assert main(command) == 2
    assert "is not of this input under this verifier as it is now" in capsys.readouterr().err


def test_places_where_nothing_can_be_kept(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graded(source, tmp_path) == 2
    assert "is no file that verdicts can be kept in" in capsys.readouterr().err
    assert graded(source, tmp_path / "gone" / "out.jsonl") == 1
    assert "out.jsonl: no such file or directory" in capsys.readouterr().err
    out = tmp_path / "out.jsonl"
    with out.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert graded(source, out) == 1
    assert "out.jsonl is being written by another process" in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_what_is_there_stays_valid(source: Path, tmp_path: Path) -> None:
    source.write_text(rows(100))
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
    code += "from agentrl.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "grade", "exact", str(source), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(
        r"agentrl: cannot write .*out.jsonl: file too large; what is there stays valid, and .*\n", done.stderr
    )
    assert 2000 < out.stat().st_size <= 3000
    assert graded(source, out) == 0
    assert graded(source, whole) == 0
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_is_one_line_and_the_same_command_goes_on(
    jobs: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    verifier, source, out = tmp_path / "slow.py", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    verifier.write_text(SLOW)
    source.write_text(rows(90))
    command = ["grade", str(verifier), str(source), "--out", str(out), "--jobs", jobs]
    # Where the tests run in the background of a shell, an interrupt is ignored unless it is asked for.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from agentrl.cli import main; sys.exit(main(sys.argv[1:]))"
    child = subprocess.Popen(
        [sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wanted = 20  # of 90 lines: with two processes they are at work by then
    while not out.exists() or out.read_bytes().count(b"\n") < wanted:
        assert child.poll() is None
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    found = re.fullmatch(r"agentrl: interrupted after (\d+) lines; the same command goes on from there\n", err)
    assert found is not None, err
    done = out.read_bytes().count(b"\n")
    assert wanted <= int(found[1]) <= done < 90
    verdicts = [json.loads(line)["status"] for line in out.read_text().splitlines()[:done]]
    assert verdicts == ["incorrect" if i % 3 else "correct" for i in range(done)]
    assert main(command) == 0
    assert f"{done} kept from before" in capfd.readouterr().err
    assert len(out.read_text().splitlines()) == 90


@pytest.mark.parametrize("damage", [{"score": "high"}, {"status": None, "score": None}])
def test_a_damaged_record_is_one_line(
    damage: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(rows(2))
    assert main(["grade", "exact", str(source), "--out", str(out)]) == 0
    first, second = out.read_text().splitlines()
    record = {key: value for key, value in (json.loads(first) | damage).items() if value is not None}
    out.write_text(f"{json.dumps(record)}\n{second}\n")
    capsys.readouterr()
    assert main(["grade", "exact", str(source), "--out", str(out)]) == 2
    assert "out.jsonl, line 1 is not of this input" in capsys.readouterr().err
