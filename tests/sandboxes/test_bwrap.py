"""The parts of the bubblewrap back end that need no bubblewrap; `tests/integration` has the rest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.sandbox import open_sandbox
from agentrl.sandboxes import bwrap
from agentrl.sandboxes._host import put


def pairs(words: list[str]) -> list[tuple[str, str, str]]:
    return list(zip(words, words[1:], words[2:], strict=False))


def test_command_line_has_every_lock() -> None:
    words = bwrap.arguments("/usr/bin/bwrap", [])
    for lock in ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"):
        assert lock in words
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert ("--remount-ro", "/", "--setenv") in pairs(words), "the root is closed, after all is in it"
    assert words[-1] == "SOCKET"


def test_only_the_box_and_tmp_can_be_written() -> None:
    words = bwrap.arguments("/usr/bin/bwrap", ["/some/site-packages"])
    writable = [target for kind, _, target in pairs(words) if kind == "--bind"]
    assert writable == ["/dev/shm", "/box", "/tmp"]
    for kind, source, target in pairs(words):
        if kind.startswith("--ro-bind"):
            assert not source.startswith(("/home", "/root", "/var", "/proc")), source
            assert target.startswith(("/usr", "/bin", "/sbin", "/lib", "/opt", "/etc/", "/run/box")), target


def test_no_place_of_the_host_is_named_in_a_box(tmp_path: Path) -> None:
    words = bwrap.arguments("/usr/bin/bwrap", [str(tmp_path)])
    assert not any(str(tmp_path) in word for word in words)
    home = str(Path(sys.base_prefix).resolve())
    assert home.startswith("/usr") or not any(home in word for word in words)


def test_without_the_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError, match="install bubblewrap"):
        open_sandbox("bwrap")


def test_unknown_protection_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no protection 'magic'"):
        open_sandbox("bwrap", pretend_missing=("magic",))
    with pytest.raises(UsageError, match="'no_such_module_here' is not installed"):
        open_sandbox("bwrap", modules=("no_such_module_here",))


@pytest.fixture
def folder(tmp_path: Path) -> int:
    box = tmp_path / "box"
    box.mkdir()
    return os.open(box, os.O_RDONLY | os.O_DIRECTORY)


def test_put_makes_folders_and_replaces(folder: int, tmp_path: Path) -> None:
    put(folder, "a/b/c.txt", b"one", os.getuid())
    put(folder, "a/b/c.txt", b"two", os.getuid())
    assert (tmp_path / "box/a/b/c.txt").read_bytes() == b"two"
    assert (tmp_path / "box/a/b/c.txt").stat().st_mode & 0o777 == 0o600
    os.close(folder)


def test_put_follows_no_link_that_a_program_planted(folder: int, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"kept")
    box = tmp_path / "box"
    (box / "file").symlink_to(outside / "secret")
    (box / "folder").symlink_to(outside)
    (box / "pipe").mkdir()
    os.mkfifo(box / "pipe" / "end")
    os.link(outside / "secret", box / "hard")
    put(folder, "file", b"new", os.getuid())
    put(folder, "folder/secret", b"new", os.getuid())
    put(folder, "pipe/end", b"new", os.getuid())
    put(folder, "hard", b"new", os.getuid())
    assert (outside / "secret").read_bytes() == b"kept"
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert (box / "folder/secret").read_bytes() == b"new"
    assert not (box / "folder").is_symlink()
    assert (box / "pipe/end").is_file()
    os.close(folder)


def test_put_that_does_not_fit_is_named(folder: int, tmp_path: Path) -> None:
    (tmp_path / "box" / "a").mkdir()
    with pytest.raises(BoxError, match=r"'a' could not be put"):
        put(folder, "a", b"", os.getuid())
    os.close(folder)
