"""Probes 1 to 7 and 22: is anything of the host in reach?"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentrl.probes.core import DENIED, Context, fail_if, probe, victim
from agentrl.sandboxes._host import ENVIRONMENT

_SECRET = "AGENTRL_PROBE_SECRET"
_MOSTLY_SET = frozenset(("PWD", "HOSTNAME", "LC_CTYPE"))
"""Names that a shell, a container or Python itself may add; none carries anything of the host."""

_CONNECT = """
def tcp(address):
    with socket.socket() as s:
        s.settimeout(1)
        s.connect(tuple(address))
def udp(address):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.sendto(b"x", tuple(address))
def abstract(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\\0" + name)
def vsock(_):
    with socket.socket(socket.AF_VSOCK) as s:
        s.settimeout(1)
        s.connect((2, 1))
"""


@contextlib.contextmanager
def _listeners() -> Iterator[dict[str, socket.socket]]:
    """Sockets of the host that wait for the box to call."""
    with contextlib.ExitStack() as stack:
        tcp, udp = stack.enter_context(socket.socket()), stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        abstract.bind("\0agentrl-" + secrets.token_hex(8))
        for listener in (tcp, abstract):
            listener.listen()
        for listener in (tcp, udp, abstract):
            listener.settimeout(0.0)
        yield {"tcp": tcp, "udp": udp, "abstract": abstract}


def _arrived(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(1)
        else:
            listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@probe(1, "network")
def network(context: Context) -> None:
    """Connect to the host's loopback, a link-local address, a name server, the hypervisor."""
    source = (
        _CONNECT
        + """
def resolve(_):
    socket.getaddrinfo("example.org", 80)
tell(tcp=attempt(tcp, given["tcp"]), udp=attempt(udp, given["udp"]), metadata=attempt(tcp, ["169.254.169.254", 80]),
     dns=attempt(udp, ["192.0.2.53", 53]), resolve=attempt(resolve, None), vsock=attempt(vsock, None))
"""
    )
    with _listeners() as opened:
        addresses = {name: opened[name].getsockname() for name in ("tcp", "udp")}
        facts = context.facts(source, addresses)
        heard = [name for name in addresses if _arrived(opened[name])]
    fail_if(heard, f"a {' and a '.join(heard)} packet reached the host's loopback")
    sent = {k: v for k, v in facts.items() if v in ("done", "TimeoutError", "ETIMEDOUT", "ECONNRESET")}
    sent.pop("udp", None)  # an unheard datagram to the box's own loopback
    fail_if(sent, f"packets left the box: {sent}")


@probe(1, "network")
def interfaces(context: Context) -> None:
    """See a network interface other than loopback."""
    names = context.facts(
        "try: names = [n for _, n in socket.if_nameindex()]\nexcept OSError: names = []\ntell(names=names)"
    )["names"]
    fail_if(set(names) - {"lo"}, f"interfaces in the box: {', '.join(names)}")


@probe(1, "ipc")
def abstract_socket(context: Context) -> None:
    """Connect to an abstract socket of the host."""
    with _listeners() as opened:
        name = opened["abstract"].getsockname().decode()[1:]
        context.facts(_CONNECT + 'tell(got=attempt(abstract, given["name"]))', {"name": name})
        fail_if(_arrived(opened["abstract"]), "an abstract socket of the host could be reached")


def _private_files() -> list[str]:
    """Files of this host that no box has to see."""
    inside = [Path(p).resolve() for p in {sys.prefix, sys.base_prefix}]
    found = ["/etc/shadow", *(str(p) for p in (Path.home() / ".ssh").glob("*"))]
    kit = Path(__file__).resolve()
    near = [kit, *(p for p in sorted(Path.cwd().iterdir()) if p.is_file())][:8]
    return found + [str(p) for p in near if not any(p.is_relative_to(prefix) for prefix in inside)]


@probe(2, "files")
def read_files(context: Context) -> None:
    """Read a secret, keys, /etc/shadow, the caller's folder, by the front door and through /proc."""
    source = """
import hashlib
seen = {}
for path in given["paths"]:
    for way in ("", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/../../../.."):
        try:
            with open(way + path, "rb") as file:
                seen[path] = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            pass
def names(path):
    try:
        return os.listdir(path)
    except OSError:
        return []
tell(seen=seen, homes={path: names(path) for path in ("/root", "/home")})
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # so that it is the box, not a mode, that keeps the program out
        secret = Path(folder) / "answer.txt"
        secret.write_text(secrets.token_hex(16))
        secret.chmod(0o644)
        paths = [str(secret), *_private_files()]
        facts = context.facts(source, {"paths": paths})
        own = {p: hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in paths if os.access(p, os.R_OK)}
    read = [path for path, digest in facts["seen"].items() if own.get(path) == digest or path == "/etc/shadow"]
    fail_if(read, f"read from inside: {', '.join(read)}")
    for folder, names in facts["homes"].items():
        more = set(names) - _ways_to_the_interpreter(folder)
        fail_if(more, f"{folder} lists {sorted(more)[:3]}")


def _ways_to_the_interpreter(folder: str) -> set[str]:
    """What may be seen in a folder because the interpreter, or a library of its, lies below."""
    paths = (Path(p) for p in {sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)})
    return {path.relative_to(folder).parts[0] for path in paths if path.is_relative_to(folder)}


def _fingerprint() -> dict[str, Any]:
    """What a write to the host would change."""
    files = ("/etc/passwd", "/etc/hosts", os.__file__)
    folders = ("/", "/etc", "/usr", "/usr/bin", str(Path(os.__file__).parent), sys.prefix)
    return {
        **{p: hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in files if Path(p).is_file()},
        **{p: sorted(os.listdir(p)) for p in folders if Path(p).is_dir()},
    }


@probe(3, "read_only")
def write_files(context: Context) -> None:
    """Write to /, /usr, /etc, the interpreter, every mount, and a folder of the host."""
    source = """
mounts = {line.split()[4] for line in open("/proc/self/mountinfo")} if os.path.exists("/proc/self/mountinfo") else set()
own = ("/tmp", os.getcwd(), "/dev/shm", "/proc")
folders = {"/", "/usr", "/usr/bin", "/etc", "/bin", "/lib", "/var", "/home", "/dev", "/proc/sys", "/sys",
           os.path.dirname(os.__file__), sys.prefix, *mounts}
def write(folder):
    path = os.path.join(folder, given["name"])
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.unlink(path)
def change(path):
    os.close(os.open(path, os.O_WRONLY))
wrote = [f for f in folders if os.path.isdir(f) and not any(f == o or f.startswith(o + "/") for o in own)
         and attempt(write, f) == "done"]
files = ("/etc/passwd", "/etc/hosts", os.__file__, "/bin/sh", sys.executable)
wrote += [f for f in files if attempt(change, f) == "done"]
try:
    os.makedirs(given["folder"], exist_ok=True)  # in a private /tmp this is a folder of the same name
    open(os.path.join(given["folder"], "x"), "w").close()
except OSError:
    pass
tell(wrote=wrote)
"""
    before = _fingerprint()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        name = f".agentrl-probe-{secrets.token_hex(8)}"
        wrote = context.facts(source, {"name": name, "folder": folder})["wrote"]
        fail_if(os.listdir(folder), "a folder of the host was written to")
    fail_if(wrote, f"writable from inside: {', '.join(wrote)}")
    after = _fingerprint()
    fail_if(after != before, f"changed on the host: {[p for p in before if before[p] != after[p]]}")


@contextlib.contextmanager
def _with_secret(context: Context) -> Iterator[tuple[Context, str]]:
    """The back end opened again by a process with a secret in its environment."""
    value = secrets.token_hex(16)
    os.environ[_SECRET] = value
    try:
        with context.factory() as sandbox:
            yield Context(sandbox, context.factory), value
    finally:
        del os.environ[_SECRET]


@probe(4, "clean_env")
def environment(context: Context) -> None:
    """Look for more in the environment than the listed names."""
    with _with_secret(context) as (fresh, _):
        env = fresh.facts("tell(env=dict(os.environ))")["env"]
    more = sorted(set(env) - set(ENVIRONMENT) - _MOSTLY_SET)
    fail_if(more, f"in the environment: {', '.join(more)}")


@probe(4, "clean_env", "pids")
def environment_of_others(context: Context) -> None:
    """Look for a secret in /proc/*/environ and in the arguments of every process."""
    source = """
import glob
def content(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("latin-1")
    except OSError:
        return ""
tell(read={path: content(path) for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")})
"""
    with _with_secret(context) as (fresh, value), victim():  # which inherits the secret
        read = fresh.facts(source)["read"]
    leaks = [path for path, text in read.items() if value in text]
    fail_if(leaks, f"the caller's secret was read from {', '.join(leaks[:3])}")


@probe(5, "pids")
def list_processes(context: Context) -> None:
    """List /proc."""
    source = """
found = {}
for pid in os.listdir("/proc") if os.path.isdir("/proc") else []:
    if pid.isdigit():
        try:
            found[pid] = open(f"/proc/{pid}/cmdline").read()
        except OSError:
            found[pid] = ""
tell(found=found)
"""
    with victim() as target:
        found = context.facts(source)["found"]
        fail_if(any(target.marker in line for line in found.values()), "a process of the host is in the box's /proc")
    fail_if(len(found) > 8, f"{len(found)} processes in the box's /proc")


_TGKILL = {"x86_64": 234, "aarch64": 131}


@probe(6, "pids")
def signal_others(context: Context) -> None:
    """Kill a process of the host, the parent, and all that can be reached."""
    source = """
pid = given["pid"]
tell(kill=attempt(os.kill, pid, 9), group=attempt(os.killpg, pid, 9), pidfd=attempt(os.pidfd_open, pid),
     tgkill=syscall(given["tgkill"], pid, pid, 9))
"""
    with victim() as target:
        given = {"pid": target.pid, "tgkill": _TGKILL.get(platform.machine(), 131)}
        facts = context.facts(source, given)
        target.check_unharmed()
        fail_if("done" in facts.values(), f"a process of the host could be addressed: {facts}")
        # Only now, when the host is known to be out of reach: everything that is in reach.
        for act in (
            "os.kill(-1, signal.SIGKILL)",
            "[os.kill(os.getppid(), s) for s in (2, 15, 19, 9) if os.getppid()]",
        ):
            context.run(f"attempt(lambda: {act})\nsys.exit(7)")
            target.check_unharmed()
        fail_if(context.facts("tell(works=1)") != {"works": 1}, "nothing runs any more after kill(-1)")


_MEMORY = {"x86_64": (101, 310, 438), "aarch64": (117, 270, 438)}  # ptrace, process_vm_readv, pidfd_getfd


@probe(7, "pids")
def memory_of_others(context: Context) -> None:
    """Trace a process of the host or the parent, read its memory."""
    source = """
ptrace, readv, getfd = given["numbers"]
tried = {}
for pid in (given["pid"], os.getppid() or given["pid"]):
    tried[f"ptrace {pid}"] = syscall(ptrace, 16, pid, 0, 0)
    tried[f"process_vm_readv {pid}"] = syscall(readv, pid, 0, 0, 0, 0, 0)
    tried[f"mem {pid}"] = attempt(lambda: open(f"/proc/{pid}/mem", "rb").close())
tell(tried=tried)
"""
    with victim() as target:
        numbers = _MEMORY.get(platform.machine(), _MEMORY["aarch64"])
        tried = context.facts(source, {"pid": target.pid, "numbers": numbers})["tried"]
        target.check_unharmed()
    open_doors = {k: v for k, v in tried.items() if v not in DENIED | {"ESRCH"}}
    fail_if(open_doors, f"memory of other processes: {open_doors}")


@probe(22)
def inherited_descriptors(context: Context) -> None:
    """Use a file descriptor that the caller had open."""
    source = """
def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False
tell(fds=[fd for fd in range(3, 1025) if is_open(fd)])
"""
    with tempfile.TemporaryFile() as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003  # it takes no keyword
        with context.factory() as sandbox:
            fds = Context(sandbox, context.factory).facts(source)["fds"]
    fail_if(fds, f"open descriptors beside stdin, stdout and stderr: {fds}")
