"""Probes 14, 15 and 17 to 19: what goes in and comes out of a box, byte for byte and without deadlock."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.probes.core import LIMITS, Context, ended, fail_if, in_time, probe, program, told
from agentrl.programs import Files, Limits
from agentrl.sandbox import Session

_MIB = 2**20
_WIDE = dataclasses.replace(LIMITS, output_bytes=16 * _MIB)


@probe(14)
def write_before_read(context: Context) -> None:
    """Write 4 MB before reading 10 MB of input."""
    source = "sys.stdout.write('y' * 4_000_000)\nsys.stdout.flush()\nprint(len(sys.stdin.buffer.read()))"
    result = context.run(source, stdin=bytes(10_000_000), limits=_WIDE)
    fail_if(result.status != "ok", ended(result))
    fail_if(result.stdout != b"y" * 4_000_000 + b"10000000\n", f"{len(result.stdout)} bytes came out, or others")


@probe(14)
def close_stdin(context: Context) -> None:
    """Close stdin, or end, without reading 10 MB of input."""
    for source in ("os.close(0)\ntime.sleep(0.1)\nprint('done')", "print('done')"):
        result = context.run(source, stdin=bytes(10_000_000))
        fail_if((result.status, result.stdout) != ("ok", b"done\n"), ended(result))


@probe(15)
def wait_for_input(context: Context) -> None:
    """Wait for input that is never sent."""
    result = context.run("print(len(sys.stdin.read()))\ninput()")
    fail_if(result.status != "nonzero" or result.stdout != b"0\n", f"without input: {ended(result)}")
    with context.sandbox.session(limits=dataclasses.replace(LIMITS, wall_s=1.0)) as box:
        process = box.start(program("print('ready', flush=True)\nsys.stdin.read()"))
        fail_if(process.receive(6, timeout_s=5) != b"ready\n", "the program did not begin")
        fail_if(process.receive(1, timeout_s=0.1), "something came from a program that waits")
        in_time(5, lambda: process.receive(1))
        result = process.finish()
        fail_if(result.status not in ("timeout_wall", "ok"), f"with an open stdin: {ended(result)}")


@probe(17)
def files_out(context: Context) -> None:
    """Offer links, pipes, devices and too much as files of the box."""
    source = """
open("good.txt", "w").write("good")
os.symlink("/etc/passwd", "link")
os.symlink("/etc", "folder")
os.symlink("../../../../etc/passwd", "climb")
os.symlink("good.txt", "near")
attempt(os.link, "/etc/passwd", "hard")
os.mkfifo("pipe")
attempt(os.mknod, "device", 0o600 | 0o020000, os.makedev(1, 5))
os.mkdir("closed", 0)
s = socket.socket(socket.AF_UNIX)
attempt(s.bind, "socket")
tell()
"""
    with context.sandbox.session(limits=LIMITS) as box:
        result = box.run(program(source), collect=("good.txt", "link", "near", "absent"))
        told(result)
        fail_if(result.files != {"good.txt": b"good"}, f"collected: {sorted(result.files)}")
        held = _snapshot(box)
        fail_if(set(held) != {"good.txt"}, f"in a snapshot: {sorted(held)}")


def _snapshot(box: Session) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    in_time(10, lambda: found.update(box.snapshot()))
    return found


@probe(17)
def too_many_files_out(context: Context) -> None:
    """Offer more files, or larger sparse ones, than the limits allow."""
    limits = Limits(disk_mib=8, inodes=100, memory_mib=256)
    for what, source in {
        "1000 files": "for n in range(1000): open(f'f{n}', 'w').close()",
        "8 sparse files of 7 MiB": "for n in range(8): open(f's{n}', 'w').truncate(7 << 20)",
    }.items():
        with context.sandbox.session(limits=limits) as box:
            box.run(program(source))
            try:
                held = _snapshot(box)
            except BoxError:  # not a SandboxError: it is the program's doing, and no ground to try again
                continue
            fail_if(len(held) > limits.inodes, f"{what}: a snapshot of {len(held)} files")
            size = sum(map(len, held.values()))
            fail_if(size > limits.disk_mib * _MIB, f"{what}: a snapshot of {size} bytes")


@probe(17)
def paths_in(context: Context) -> None:
    """Put a file outside the box by its path."""
    with context.sandbox.session(limits=LIMITS) as box:
        for path in ("../../x", "/tmp/x", "a/../../x", "", "a\0b", "/".join("d" * 40), "n" * 300):
            try:
                box.write({path: b"x"})
            except UsageError:
                continue
            fail_if(path or "the empty path", f"a file could be put at {path!r:.40}")


@probe(17, "files")
def links_in(context: Context) -> None:
    """Put a link, or a pipe, where the caller then puts a file."""
    source = """
os.symlink(given["folder"], "link")
os.symlink(given["folder"] + "/y", "y")
os.symlink("/" + "../" * 8 + given["folder"], "climb")
os.mkfifo("pipe")
tell()
"""
    limits = dataclasses.replace(LIMITS, wall_s=2.0)
    with tempfile.TemporaryDirectory() as folder, context.sandbox.session(limits=limits) as box:
        Path(folder).chmod(0o777)
        told(box.run(program(source, {"folder": folder})))
        for path in ("link/x", "y", "climb/z"):
            _put(box, {path: b"x"})
            made = [p.name for p in Path(folder).iterdir()]
            fail_if(made, f"a link of the box sent a file of the caller to the host: {path}")
        in_time(10, lambda: _put(box, {"pipe": b"x"}))


def _put(box: Session, files: Files) -> None:
    try:
        box.write(files)
    except (BoxError, SandboxError, UsageError):  # to refuse is as good as to stay within
        return


@probe(18)
def bytes_out(context: Context) -> None:
    """Write every byte, escape sequences, and an exit message of 5 MB."""
    data = bytes(range(256)) * 4 + b"\x1b[2J\x1b]0;title\x07\x00\xff\xfe"
    source = f"os.write(1, {data!r})\nos.write(2, {data[::-1]!r})"
    result = context.run(source)
    fail_if((result.stdout, result.stderr) != (data, data[::-1]), "the bytes are not those that were written")
    fail_if(not repr(result).isascii() or "\x1b" in repr(result), "a result's repr is not safe to print")
    result = context.run("sys.exit('x' * 5_000_000)", limits=dataclasses.replace(LIMITS, output_bytes=10_000))
    fail_if(result.status not in ("nonzero", "output_limit"), f"with a huge exit message: {ended(result)}")
    fail_if(result.stderr != b"x" * 10_000, f"{len(result.stderr)} bytes of a huge message kept")


@probe(19)
def exit_codes(context: Context) -> None:
    """End by exit codes and by signals."""
    for code in (0, 1, 2, 126, 127, 137, 139, 255):
        result = context.run(f"sys.exit({code})")
        wanted = "ok" if code == 0 else "nonzero"
        said = (result.status, result.exit_code, result.signal)
        fail_if(said != (wanted, code, None), f"exit code {code}: {ended(result)}")
    for number in (11, 6, 9, 15):
        result = context.run(
            f"signal.signal({number}, signal.SIG_DFL) if {number} != 9 else 0\nos.kill(os.getpid(), {number})"
        )
        said = (result.status, result.exit_code, result.signal)
        fail_if(said != ("signalled", None, number), f"signal {number}: {ended(result)}")
    result = context.run("raise RuntimeError('no')")
    fail_if((result.status, result.exit_code) != ("nonzero", 1), f"an exception: {ended(result)}")
    fail_if(b"RuntimeError: no" not in result.stderr, "a traceback is not on stderr")
