"""Sets the limits of its process, then becomes the program: the first one in a box that has no launcher.

Runs by itself (`python -I -S _boot.py LIMITS KIND WORD...`), or is imported in a box; from the standard library alone,
nothing of the kit. LIMITS is a JSON object from the name of an rlimit (`AS`, `CPU`, ...) to [soft, hard], with a
`report` where somebody waits for more than an exit code (`split`); KIND is `python`, with the path of a source and its
arguments; `held`, where that file is removed first and runs as if it were /box/main.py; `text`, where the source itself
stands in place of its path; or `command`, with an argument vector.
"""

import os
import resource
import site
import sys

OUT_OF_MEMORY = 120
"""Exit code by which a Python program that ends in an uncaught `MemoryError` is told apart. (One that forges it gains
nothing: to be out of memory scores 0.)"""


def main() -> None:
    """Limit, then run."""
    import json

    limits = json.loads(sys.argv[1])
    if "report" in limits:
        split(limits.pop("report"))
    limit(limits)
    kind, words = sys.argv[2], sys.argv[3:]
    if kind == "command":
        execute(words)
    if kind == "python":
        return run(words[0], words)
    source = os.fsencode(words[0])
    if kind == "held":
        with open(words[0], "rb") as file:
            source = file.read()
        os.unlink(words[0])
    return run("/box/main.py", ["/box/main.py", *words[1:]], source)


def split(report: str) -> None:
    """Go on in a child; this process waits for it, and tells how it ended on the abstract socket `report`."""
    import _socket

    dumpable(0)
    child = os.fork()
    if child == 0:
        dumpable(1)
        return
    _, status, usage = os.wait4(child, 0)
    facts = f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss / 1024}"
    _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM).sendto(facts.encode(), f"\0{report}")
    os._exit(0)


def dumpable(value: int) -> None:
    """Whether other processes of this user may look into this one."""
    import ctypes  # only where it is called: milliseconds

    ctypes.CDLL(None).prctl(4, value, 0, 0, 0)  # PR_SET_DUMPABLE


def limit(limits: dict[str, tuple[int, int]]) -> None:
    """Set all limits of this process, what it creates closed to others, and let it be the first to go."""
    set_rlimits(limits)
    os.umask(0o077)
    try:  # `contextlib` would cost milliseconds
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")  # if the kernel must choose, then this and not what watches the box
    except OSError:
        pass


def set_rlimits(limits: dict[str, tuple[int, int]]) -> None:
    """Set this process's rlimits, none above what it already has."""
    for name, (soft, hard) in limits.items():
        which = getattr(resource, "RLIMIT_" + name)
        _, most = resource.getrlimit(which)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(which, (soft, hard))


def execute(words: list[str]) -> None:
    """Become a command; 127 if it cannot be, as shells say."""
    import _signal  # type: ignore[import-not-found]  # `signal` would import `enum`: milliseconds

    for ignored in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them, and what it executes would too
        _signal.signal(ignored, _signal.SIG_DFL)
    try:
        os.execvp(words[0], words)
    except (OSError, ValueError) as error:  # a word with a NUL is a `ValueError`
        reason = getattr(error, "strerror", None) or error
        os.write(2, f"{words[0]}: {reason}\n".encode("utf-8", "backslashreplace"))
    os._exit(127)


def run(path: str, argv: list[str], source: bytes | None = None) -> None:
    """Run a source as `__main__`, read from `path` unless it is given; tracebacks begin at its own first frame."""
    if source is None:
        with open(path, "rb") as file:
            source = file.read()
    sys.argv = argv
    site.setquit()  # `exit` and `quit`, which -S leaves out
    sys.excepthook = lambda kind, error, trace: _print(path, error)
    main = sys.modules["__main__"] = type(sys)("__main__")
    main.__dict__.update({"__file__": path, "__builtins__": __builtins__, "__loader__": _Source(source)})
    try:
        exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)
    except MemoryError:
        os.write(2, b"MemoryError\n")
        os._exit(OUT_OF_MEMORY)


class _Source:
    """Where `linecache` finds the lines of a source that need not be a file."""

    def __init__(self, source: bytes) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        """The text."""
        return self._source.decode("utf-8", "replace")


def _print(path: str, error: BaseException) -> None:
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


if __name__ == "__main__":
    main()
