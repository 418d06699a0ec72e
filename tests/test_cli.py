"""The command line: every error is one line with its exit code, help is fast, streams behave."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from agentrl import cli
from agentrl.commands._shared import first_line
from agentrl.errors import CheckpointError, DataError, MissingExtraError, StoreError

VERBS = ["check", "doctor", "eval", "grade", "list", "new", "rollout", "show", "train"]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = cli.main(args)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_overview_names_every_verb_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    for verb in VERBS:
        line = next(line for line in out.splitlines() if line.startswith(f"  {verb} "))
        assert len(line.split()) > 3


def test_no_verb_prints_the_overview_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 2
    assert "usage: agentrl VERB" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--version")
    assert code == 0
    assert out.split()[0] == "agentrl"


def test_an_unknown_verb_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "evl", "x")
    assert (code, out) == (2, "")
    assert err == "agentrl: no verb 'evl': did you mean 'eval'? (`agentrl --help` shows all)\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, verb, "--help")
    assert (code, err) == (0, "")
    assert f"usage: agentrl {verb}" in out
    assert first_line(cli.verbs()[verb]) in out.replace("\n", " ")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_an_unknown_flag(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, verb, "--nonsense")
    assert (code, out) == (2, "")
    assert err.startswith("agentrl: ")
    assert err.count("\n") == 1


def test_help_and_lists_import_no_torch() -> None:
    commands = [[verb, "--help"] for verb in VERBS] + [["list"]]
    code = (
        "import sys\nfrom agentrl.cli import main\n"
        f"for args in {commands!r}:\n    assert main(args) == 0, args\n"
        "assert not {'torch', 'transformers', 'matplotlib', 'datasets'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MissingExtraError("install agentrl[report]"), 2, "install agentrl[report]"),
        (DataError("two\nlines  here"), 1, "two lines here"),
        (StoreError("cannot write x"), 1, "cannot write x"),
        (CheckpointError("torn"), 1, "torn"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (KeyboardInterrupt("interrupted; go on with x"), 130, "interrupted; go on with x"),
        (OSError(errno.ENOSPC, "No space left", "runs/x"), 1, "no space left on device: runs/x"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "permission denied: /x"),
    ],
)
def test_errors_become_one_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(args: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert run(capsys, "anything") == (code, "", f"agentrl: {line}\n")


@pytest.mark.parametrize("error", [TypeError("a bug"), OSError(errno.EIO, "Input/output error")])
def test_bugs_are_not_hidden(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(args: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "_dispatch", fail)
    with pytest.raises(type(error)):
        cli.main(["anything"])


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    """`agentrl grade ... | head -1` ends without a word, however much is still to come."""
    lines = tmp_path / "many.jsonl"
    lines.write_text('{"response": "7", "answer": "7"}\n' * 20_000)
    command = [sys.executable, "-c", "from agentrl.cli import main; raise SystemExit(main())"]
    with subprocess.Popen(
        [*command, "grade", "exact", str(lines), "--jobs", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"correct" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
