"""Say what this machine can do: Python, cores, memory, disk, torch and device, extras, model cache."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import agentrl
from agentrl import registry
from agentrl.commands._shared import KINDS, console
from agentrl.config import parse_flags
from agentrl.errors import UsageError

_GIB = 2**30
_NOT_EXTRAS = ("dev",)


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
