"""Say what this machine can do: Python, cores, memory, disk, torch and device, sandboxes, extras, model cache."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import agentrl
from agentrl import registry
from agentrl.commands._shared import KINDS, console
from agentrl.config import parse_flags
from agentrl.errors import AgentRLError, UsageError
from agentrl.programs import PROTECTIONS

_GIB = 2**30
_NOT_EXTRAS = ("dev",)
_DOCKER = "/var/run/docker.sock"
"""Where the back end `docker` looks unless told otherwise; not imported: doctor runs where plug-ins cannot be found."""


@dataclass(frozen=True)
class Flags:
    """Nothing to choose."""


def main(args: list[str]) -> int:
    """Print one line a fact; nothing here fails, what is missing comes with what to do."""
    parse_flags(Flags, args, prog="agentrl doctor", description=__doc__)
    out = console()
    facts = [*_machine(), *_installation(), *_torch(), *_models()]
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        out.print(f"{name:<{width}}  {value}", soft_wrap=True)
    out.print("\nsandboxes", style="bold")
    rows = [*_host(), *_sandboxes()]
    widest = max(len(name) for name, _ in rows)
    for name, value in rows:
        out.print(f"  {name:<{widest}}  {value}", soft_wrap=True)
    out.print("\nextras", style="bold")
    for extra, packages in sorted(_extras().items()):
        out.print(f"  {extra:<{width - 2}}  {_state(extra, packages)}", soft_wrap=True)
    return 0


def _machine() -> Iterator[tuple[str, str]]:
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "platform", platform.platform()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "cores", f"{usable} usable of {os.cpu_count()}"
    yield "memory", _memory()
    yield "disk", f"{shutil.disk_usage(Path.cwd()).free / _GIB:.1f} GiB free in {Path.cwd()}"


def _memory() -> str:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return "unknown on this platform"
    kib = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
    return f"{kib['MemAvailable'] * 1024 / _GIB:.1f} GiB available of {kib['MemTotal'] * 1024 / _GIB:.1f} GiB"


def _installation() -> Iterator[tuple[str, str]]:
    yield "agentrl", f"{importlib.metadata.version('agentrl')} ({Path(agentrl.__file__).parent})"
    try:
        counts = [f"{len(registry.ids(kind))} {folder}" for folder, kind in KINDS.items()]
    except UsageError as error:  # a checkout without symbolic links
        yield "plug-ins", f"NOT FOUND: {error}"
        return
    yield "plug-ins", ", ".join(counts)


def _torch() -> Iterator[tuple[str, str]]:
    if importlib.util.find_spec("torch") is None:
        yield "torch", "not installed: pip install 'agentrl[train]'"
        return
    import torch

    yield "torch", f"{torch.__version__}, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        sizes = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
        yield "device", "; ".join(f"{p.name}, {p.total_memory / _GIB:.0f} GiB" for p in sizes)
        yield "bfloat16", "yes" if torch.cuda.is_bf16_supported() else "no: train in float32"
        return
    yield "device", "cpu"
    fast = _cpu_bfloat16()
    yield "bfloat16", f"in hardware ({', '.join(fast)})" if fast else "emulated, so slow: use float32"


def _cpu_bfloat16() -> list[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", text, re.MULTILINE)
    return [name for name in ("amx_bf16", "avx512_bf16", "bf16") if flags and name in flags[1].split()]


def _models() -> Iterator[tuple[str, str]]:
    from agentrl.models import cache_folder

    folder = cache_folder()
    files = [p for p in folder.rglob("*") if p.is_file()] if folder.is_dir() else []
    size = sum(p.stat().st_size for p in files) / _GIB
    yield "model cache", f"{folder} ({f'{size:.2f} GiB' if files else 'empty'})"


def _host() -> Iterator[tuple[str, str]]:
    """What this host offers to back ends."""
    yield "user namespaces", _user_namespaces()
    yield "control groups", _control_groups()
    yield "landlock", _landlock()
    filters = Path("/proc/sys/kernel/seccomp/actions_avail")
    yield "seccomp", "yes" if filters.exists() else "no: the kernel has no seccomp filters"
    found = shutil.which("bwrap")
    yield "bwrap", _first_words([found, "--version"]) if found else "not found: install the package bubblewrap"
    yield "docker", _docker()
    kvm = Path("/dev/kvm")
    usable = "yes" if os.access(kvm, os.R_OK | os.W_OK) else f"no: {kvm} is there, but not for this user"
    yield "kvm", usable if kvm.exists() else f"no: there is no {kvm}"


def _user_namespaces() -> str:
    # In a process of its own: what is unshared cannot be taken back.
    code = (
        "import ctypes, os; c = ctypes.CDLL(None, use_errno=True); "
        "print('yes' if c.unshare(0x10000000) == 0 else 'no: ' + os.strerror(ctypes.get_errno()).lower())"
    )
    said = _first_words([sys.executable, "-I", "-S", "-c", code])
    return said + (", and this is root" if os.geteuid() == 0 else "")


def _control_groups() -> str:
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        version, own = "version 2", root / _own_group("")
    elif (root / "memory").is_dir():
        version, own = "version 1", root / "memory" / _own_group("memory")
    else:
        return "none: memory of a tree of processes is watched, not limited"
    own = own if own.is_dir() else own.parent
    return f"{version}, {'writable' if os.access(own, os.W_OK) else 'not writable by this user'} ({own})"


def _own_group(controller: str) -> str:
    """This process's group under one controller, as a relative path; "" is that of version 2."""
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path.lstrip("/")
    return ""


def _landlock() -> str:
    import ctypes

    abi = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)  # landlock_create_ruleset, asked for its version
    return f"ABI {abi}" if abi > 0 else f"no: {os.strerror(ctypes.get_errno()).lower()}"


def _docker(path: str = _DOCKER) -> str:
    """Whether a daemon listens there."""
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(2.0)
            asked.connect(path)
            asked.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            answer = asked.recv(4096).decode("latin-1")
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else "it does not answer"
        return f"no daemon at {path}: {why}"
    version = re.search(r"^Api-Version: *(\S+)", answer, re.MULTILINE | re.IGNORECASE)
    return f"reachable at {path}" + (f", API {version[1]}" if version else "")


def _first_words(command: list[str]) -> str:
    """The first line that a command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "prints nothing"


def _sandboxes() -> Iterator[tuple[str, str]]:
    """Whether each back end opens here, and what it then lacks."""
    from agentrl.sandbox import open_sandbox

    for id in registry.ids("sandbox"):
        try:
            with open_sandbox(id) as sandbox:
                box = sandbox.capabilities
        except (AgentRLError, OSError) as error:
            yield id, f"does not open: {error}"
            continue
        absent = sorted(PROTECTIONS - box.protections)
        without = f", without {', '.join(absent)}" if absent else ""
        yield id, f"opens: level {box.level}, {len(box.protections)} of {len(PROTECTIONS)} protections{without}"


def _extras() -> dict[str, list[str]]:
    """The optional dependencies that agentrl names, by extra."""
    found: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("agentrl") or ():
        match = re.match(r"([\w.-]+).*extra == ['\"]([\w-]+)['\"]", line)
        if match and match[2] not in _NOT_EXTRAS:
            found.setdefault(match[2], []).append(match[1])
    return found


def _state(extra: str, packages: list[str]) -> str:
    have, missing = [], []
    for package in packages:
        try:
            have.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if not missing:
        return ", ".join(have)
    return f"missing {', '.join(missing)}: pip install 'agentrl[{extra}]'"
