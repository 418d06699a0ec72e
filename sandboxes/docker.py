"""Any program in a hardened Docker container: about 0.3 s a box, and all that the image holds.

One container a session, without network, capabilities or a writable root, under a user of its own, with a seccomp
filter, limits by control group and tmpfs, and no log; a program is an `exec` in it. A first process in it holds a
stream to the trainer: if the trainer ends, however it does, so does the container. With `runtime="runsc"` (gVisor),
programs talk to a kernel of their own. Needs `pip install agentrl[docker]`, a daemon that this user may talk to, and an
image with `python3` and `env`, which is not pulled: `docker pull` it.

Covered: files, network, other processes, privileges, memory of the whole tree, process count, disk, time, output.
Not covered: no Landlock; the kernel is shared but with `runsc`; who may talk to the daemon is root on its host, so that
the trainer is; what remains of a session's processes when a program ends is ended with the session.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Literal

from agentrl.errors import BoxError, MissingExtraError, SandboxError, UsageError
from agentrl.programs import PROTECTIONS, Capabilities, Files, Limits, Python, check_path, check_protections
from agentrl.sandbox import Sandbox, Session, require
from agentrl.sandboxes import _seccomp
from agentrl.sandboxes._cgroup import SPARE_MIB
from agentrl.sandboxes._docker.janitor import connect
from agentrl.sandboxes._docker.session import Box
from agentrl.sandboxes._host import box_user

_HERE = Path(__file__).resolve().parent / "_docker"
_FIRST_UID = 0x72000000
"""Users of boxes: beyond those of people, services, containers, and of the other back ends."""

_RUN, _OWNER = "agentrl.run", "agentrl.owner"
_DAEMON_S = 60
"""How long the daemon may take for an answer."""

SOCKET = "unix:///var/run/docker.sock"


def open(
    *,
    image: str = "python:3.12-slim",
    runtime: Literal["runsc"] | None = None,
    base_url: str = SOCKET,
    allow_degraded: tuple[str, ...] = (),
    concurrency: int | None = None,
    pretend_missing: tuple[str, ...] = (),
) -> Sandbox:
    """Reach the daemon, clear away what dead trainers left, and see in a first box that everything claimed is so.

    Args:
        image: What boxes hold; must be there.
        runtime: "runsc" for gVisor, where the daemon has it; default: the daemon's own.
        base_url: Where the daemon listens (`DOCKER_HOST` is not read), as `unix://PATH` or `tcp://HOST:PORT`.
        allow_degraded: Protections to go on without, where this daemon lacks them.
        concurrency: Runs at a time; default: one a usable core.
        pretend_missing: Protections to treat as if this daemon lacked them, for tests.

    Raises:
        MissingExtraError: The package `docker` is not installed.
        SandboxError: No daemon answers, the image is absent, or a protection is missing.
        UsageError: A name is not one of a protection, or an address of another kind.
    """
    check_protections(pretend_missing)
    if not base_url.startswith(("unix://", "tcp://")):
        raise UsageError(f"base_url must be unix://PATH or tcp://HOST:PORT, got {base_url!r}")
    client = _connect(base_url, image)
    missing = {**_missing(client), **dict.fromkeys(pretend_missing, "it was asked to be missing")}
    require("docker", missing, allow_degraded)
    _clear_dead(client)
    sandbox = Docker(client, image, runtime, base_url, missing, concurrency)
    try:
        sandbox.prove()
    except SandboxError:
        sandbox.close()
        raise
    return sandbox


class Docker(Sandbox):
    """See the module."""

    def __init__(
        self,
        client: Any,
        image: str,
        runtime: str | None,
        base_url: str,
        missing: dict[str, str],
        concurrency: int | None,
    ) -> None:
        claimed = PROTECTIONS - set(missing) - {"landlock"}
        super().__init__(Capabilities("docker", 4, claimed, missing), concurrency=concurrency)
        self._client, self._image, self._runtime = client, image, runtime
        self._count = itertools.count()
        self._open: set[Box] = set()
        self._lock = threading.Lock()
        self._labels = {_RUN: os.urandom(8).hex(), _OWNER: owner(os.getpid())}
        self._init = (_HERE / "box.py").read_text(encoding="utf-8")
        self._cpu_quota = bool(client.info().get("CpuCfsQuota"))
        self._alive = _start_janitor(base_url, f"{_RUN}={self._labels[_RUN]}")

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Create and start a container."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        limits = limits or Limits()
        stored = {check_path(name): content for name, content in (files or {}).items()}
        uid = box_user(_FIRST_UID, next(self._count))
        config = settings(limits, uid, syscalls="open" if "syscalls" in self.capabilities.missing else "filtered")
        if self._cpu_quota:
            config["nano_cpus"] = 10**9
        if self._runtime:
            config["runtime"] = self._runtime
        try:
            container = self._client.create_container(
                self._image,
                entrypoint=["python3", "-I", "-S", "-u", "-c", self._init],
                command=[],
                user=f"{uid}:{uid}",
                hostname="box",
                working_dir="/box",
                labels=self._labels,
                stdin_open=True,
                host_config=self._client.create_host_config(**config),
            )["Id"]
            box = Box(self._client, container, self.capabilities, limits, self._open)
        except (DockerException, RequestException, OSError) as error:
            raise SandboxError(f"a container could not be started: {error}") from error
        with self._lock:
            self._open.add(box)
        try:
            box.write(stored)
        except BoxError as error:
            box.close()
            raise SandboxError(str(error)) from error
        return box

    def prove(self) -> None:
        """Look from inside at what the kernel says of a box.

        Raises:
            SandboxError: It is not what is claimed.
        """
        look = "print(open('/proc/self/status').read(), open('/proc/mounts').read(), open('/proc/net/dev').read())"
        with self.session() as session:
            result = session.run(Python(look))
        text = result.stdout.decode(errors="replace")
        wanted = ["CapEff:\t0000000000000000", " /box tmpfs rw,"]
        if not self._runtime:  # gVisor's own kernel tells less of itself
            wanted += ["NoNewPrivs:\t1"] + ["Seccomp:\t2"] * ("syscalls" not in self.capabilities.missing)
        absent = [line for line in wanted if line not in text]
        if result.status != "ok" or absent:
            raise SandboxError(f"a box of 'docker' is not what it claims: {result.detail or absent or result.stderr!r}")

    def close(self) -> None:
        """Remove every container of this sandbox."""
        with self._lock:
            boxes = tuple(self._open)
        for box in boxes:
            box.close()
        self._client.close()
        if self._alive >= 0:
            with contextlib.suppress(BrokenPipeError):  # somebody killed the janitor
                os.write(self._alive, b"done")
            os.close(self._alive)
            self._alive = -1


def settings(limits: Limits, uid: int, *, syscalls: Literal["filtered", "open"] = "filtered") -> dict[str, Any]:
    """What the daemon is asked for, in the words of `docker.APIClient.create_host_config`."""
    tmpfs = f"rw,nosuid,nodev,mode=0700,uid={uid},gid={uid},size={limits.disk_mib}m,nr_inodes={limits.inodes}"
    memory = f"{limits.memory_mib + SPARE_MIB}m"
    return {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", *([f"seccomp={profile()}"] if syscalls == "filtered" else [])],
        "read_only": True,
        "tmpfs": {"/box": f"{tmpfs},exec", "/tmp": f"{tmpfs},noexec"},
        "pids_limit": limits.processes + 3,  # the first process, the program's parent, the daemon's as it enters
        "mem_limit": memory,
        "memswap_limit": memory,
        "ipc_mode": "none",
        "log_config": {"Type": "none", "Config": {}},
        "auto_remove": True,
    }


@functools.cache
def profile() -> str:
    """The seccomp filter of all back ends, in the words of the daemon.

    In place of the daemon's own list, which is wider where it matters here: that one allows `ptrace`,
    `process_vm_readv`, `io_uring_setup` and sockets of every family. What only that one refuses needs capabilities,
    which a box has none of, or is newer than its list. A call from a foreign architecture kills. Being undumpable is
    let through: the control group counts all the same, and the box's first process is so.
    """
    refuse = {"action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    rules: list[dict[str, Any]] = [
        {"names": list(_seccomp.DENIED), **refuse},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": ["socket", "socketpair"], "args": [_argument(0, "SCMP_CMP_NE", _seccomp.AF_UNIX)], **refuse},
        {"names": ["prlimit64"], "args": [_argument(0, "SCMP_CMP_NE", 0)], **refuse},
    ]
    rules += [
        {"names": ["ioctl"], "args": [_argument(1, "SCMP_CMP_MASKED_EQ", 0xFFFFFFFF, call)], **refuse}
        for call in (_seccomp.TIOCSTI, _seccomp.TIOCLINUX)
    ]
    bits = [1 << n for n in range(32) if _seccomp.NAMESPACES >> n & 1]
    rules += [{"names": ["clone"], "args": [_argument(0, "SCMP_CMP_MASKED_EQ", bit, bit)], **refuse} for bit in bits]
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})


def _argument(index: int, test: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": test, "value": value, "valueTwo": second}


def owner(pid: int) -> str:
    """Who owns a container: this boot of this machine, a process, and when that began."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return f"{boot} {pid} {facts[19]}"


def _start_janitor(base_url: str, label: str) -> int:
    """What removes this process's containers when it is killed; returns the pipe whose end it waits for."""
    theirs, alive = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", str(_HERE / "janitor.py"), base_url, label],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )
    finally:
        os.close(theirs)
    return alive


def _connect(base_url: str, image: str) -> Any:
    try:
        import docker
        from docker.errors import DockerException, ImageNotFound
        from requests.exceptions import RequestException
    except ImportError as error:
        raise MissingExtraError(
            "the sandbox 'docker' needs the package docker: pip install 'agentrl[docker]'"
        ) from error
    refused = f"no Docker daemon answers at {base_url}: start one, or name another base_url"
    try:
        connect(base_url).close()  # first by hand: the package would leave an open socket behind
        client = docker.APIClient(base_url=base_url, version="auto", timeout=_DAEMON_S)
        # Else one connection stays open for each of the last 25 addresses; they name boxes, and are not asked again.
        client.headers["Connection"] = "close"
    except (DockerException, RequestException, OSError) as error:
        raise SandboxError(refused) from error
    try:
        client.inspect_image(image)
    except ImageNotFound as error:
        client.close()
        raise SandboxError(f"the daemon has no image {image!r}: `docker pull {image}`, or name another") from error
    return client


def _missing(client: Any) -> dict[str, str]:
    """Protections that the daemon says it cannot give."""
    facts = client.info()
    missing = {}
    if not facts.get("MemoryLimit"):
        missing["memory"] = "the daemon has no memory control group"
    if not facts.get("PidsLimit"):
        missing["process_count"] = "the daemon has no pids control group"
    if not any("seccomp" in option for option in facts.get("SecurityOptions") or ()):
        missing["syscalls"] = "the daemon was built without seccomp"
    return missing


def _clear_dead(client: Any) -> None:
    """Remove containers whose owner, a process of this boot of this machine, is dead."""
    from docker.errors import APIError

    boot = owner(os.getpid()).split()[0]
    for container in client.containers(all=True, filters={"label": _OWNER}):
        claimed = container["Labels"][_OWNER]
        its_boot, _, pid = claimed.rpartition(" ")[0].partition(" ")
        alive = ""
        with contextlib.suppress(OSError):
            alive = owner(int(pid))
        if its_boot == boot and alive != claimed:
            with contextlib.suppress(APIError):  # it is going already
                client.remove_container(container["Id"], force=True, v=True)
