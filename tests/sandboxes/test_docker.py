"""The parts of the docker back end that need no daemon; `tests/integration/test_docker.py` has the rest."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Iterable

import pytest

from agentrl.errors import BoxError, MissingExtraError, SandboxError, UsageError
from agentrl.programs import Limits
from agentrl.sandbox import open_sandbox
from agentrl.sandboxes import _seccomp, docker
from agentrl.sandboxes._docker.tar import pack, unpack


def archive(*members: tuple[str, bytes, bytes], mode: str = "w") -> bytes:
    """Members as (name, type, content); for a link the content is its target."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member.linkname = content.decode()
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def read(data: bytes, *, max_files: int = 10, max_bytes: int = 100) -> dict[str, bytes]:
    return unpack(data, max_files=max_files, max_bytes=max_bytes)


@pytest.mark.parametrize("files", [{}, {"a": b""}, {"b/c d.txt": b"\0\xff", "é/☃": b"snow", "x" * 200: b"long"}])
def test_what_is_packed_comes_out(files: dict[str, bytes]) -> None:
    assert read(pack(files)) == files


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "..", "", "a/" * 40 + "x", "b" * 300])
def test_names_that_climb_out_are_refused(name: str) -> None:
    with pytest.raises(BoxError, match="cannot be read"):
        read(archive((name, tarfile.REGTYPE, b"x")))


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"Z"],
)
def test_only_plain_files_get_through(kind: bytes) -> None:
    with pytest.raises(BoxError, match="no plain file"):
        read(archive(("fine", tarfile.REGTYPE, b"x"), ("strange", kind, b"")))


def test_sparse_file_is_refused() -> None:
    # A GNU sparse member says a size of its own, which its bytes in the archive do not bound.
    with pytest.raises(BoxError, match=r"no plain file|cannot be read"):
        read(archive(("holes", tarfile.GNUTYPE_SPARSE, b"x")))


def test_too_many_files() -> None:
    members = [(f"f{i}", tarfile.REGTYPE, b"") for i in range(11)]
    assert len(read(archive(*members[:10]))) == 10
    with pytest.raises(BoxError, match="more than 10 files"):
        read(archive(*members))


def test_too_many_bytes() -> None:
    parts = [("a", tarfile.REGTYPE, b"x" * 50), ("b", tarfile.REGTYPE, b"y" * 50)]
    assert len(read(archive(*parts))) == 2
    with pytest.raises(BoxError, match="100 bytes"):
        read(archive(*parts, ("c", tarfile.REGTYPE, b"z")))


def test_size_that_lies_is_not_believed() -> None:
    header = tarfile.TarInfo("bomb")
    header.size = 1 << 40
    with pytest.raises(BoxError, match="100 bytes"):
        read(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    header.size = 90
    with pytest.raises(BoxError, match=r"cut short|cannot be read"):
        read(header.tobuf(tarfile.GNU_FORMAT) + b"few")


def test_compressed_archive_is_refused() -> None:
    with pytest.raises(BoxError, match="cannot be read"):
        read(archive(("a", tarfile.REGTYPE, bytes(10**6)), mode="w:gz"), max_bytes=10**7)


@pytest.mark.parametrize("data", [b"", b"no archive", bytes(511), b"\xff" * 1024])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(BoxError, match="cannot be read"):
        read(data)


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(BoxError, match="twice"):
        read(archive(("a", tarfile.REGTYPE, b"x"), ("./a", tarfile.REGTYPE, b"y")))


def test_daemon_is_asked_for_every_lock() -> None:
    asked = docker.settings(Limits(memory_mib=100, processes=7, disk_mib=3, inodes=9), 1234)
    assert asked["network_mode"] == "none"
    assert asked["ipc_mode"] == "none"
    assert asked["cap_drop"] == ["ALL"]
    assert asked["read_only"] is True
    assert asked["log_config"]["Type"] == "none"
    assert asked["auto_remove"] is True
    assert asked["mem_limit"] == asked["memswap_limit"] == "116m"
    assert asked["pids_limit"] == 10
    assert "no-new-privileges" in asked["security_opt"]
    assert {"/box", "/tmp"} == set(asked["tmpfs"])
    for options in asked["tmpfs"].values():
        assert {"nosuid", "nodev", "size=3m", "nr_inodes=9", "uid=1234", "mode=0700"} <= set(options.split(","))
    assert "volumes" not in asked
    assert "binds" not in asked


def rules(names: Iterable[str] = ()) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(docker.profile())["syscalls"]
    return [rule for rule in found if set(names) & set(rule["names"])]  # type: ignore[call-overload]


def test_profile_refuses_what_the_filter_of_the_others_refuses() -> None:
    for name in _seccomp.DENIED:
        assert any("args" not in rule and rule["action"] == "SCMP_ACT_ERRNO" for rule in rules([name])), name
    assert rules(["clone3"])[0]["errnoRet"] == 38
    assert rules(["socket"])[0]["args"] == [{"index": 0, "op": "SCMP_CMP_NE", "value": 1, "valueTwo": 0}]
    bits = [rule["args"][0]["value"] for rule in rules(["clone"])]  # type: ignore[index]
    # CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
    assert sorted(bits) == [
        0x80,
        0x20000,
        0x2000000,
        0x4000000,
        0x8000000,
        0x10000000,
        0x20000000,
        0x40000000,
    ]


def test_owner_tells_processes_apart() -> None:
    mine, parent = docker.owner(os.getpid()), docker.owner(os.getppid())
    assert mine == docker.owner(os.getpid())
    assert mine.split()[0] == parent.split()[0]
    assert mine != parent
    with pytest.raises(OSError, match="No such file"):
        docker.owner(2**22 + 1)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(MissingExtraError, match=r"agentrl\[docker\]"):
        open_sandbox("docker")


def test_without_a_daemon_it_says_so(tmp_path: object) -> None:
    pytest.importorskip("docker", reason="the extra docker is not installed")
    with pytest.raises(SandboxError, match="no Docker daemon answers"):
        open_sandbox("docker", base_url=f"unix://{tmp_path}/none.sock")


def test_wrong_options() -> None:
    with pytest.raises(UsageError, match="base_url must be"):
        open_sandbox("docker", base_url="ssh://host")
    with pytest.raises(UsageError, match="no protection 'magic'"):
        open_sandbox("docker", pretend_missing=("magic",))
