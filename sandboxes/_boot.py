"""The first program in a box that has no launcher: sets the limits of its process, then becomes the program.

Runs by itself (`python -I -S _boot.py LIMITS KIND WORD...`), or is imported in a box; from the standard library alone,
nothing of the kit. LIMITS is a JSON object from the name of an rlimit (`AS`, `CPU`, ...) to [soft, hard]; KIND is
`python`, with the path of a source and its arguments, or `command`, with an argument vector.
"""

import os
import resource
import sys

OUT_OF_MEMORY = 120
"""Exit code by which a Python program that ends in an uncaught `MemoryError` is told apart. (One that forges it gains
nothing: to be out of memory scores 0.)"""


def main() -> None:
    """Limit, then run."""
    import json

    limit(json.loads(sys.argv[1]))
    words = sys.argv[3:]
    if sys.argv[2] == "command":
        execute(words)
    run(words[0], words)


def limit(limits: dict[str, tuple[int, int]]) -> None:
    """Set this process's limits, none above what it already has."""
    for name, (soft, hard) in limits.items():
        which = getattr(resource, "RLIMIT_" + name)
        _, most = resource.getrlimit(which)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(which, (soft, hard))
    os.umask(0o077)


def execute(words: list[str]) -> None:
    """Become a command; 127 if it cannot be, as shells say."""
    import _signal  # `signal` imports `enum`: five milliseconds

    for ignored in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them, and what it executes would too
        _signal.signal(ignored, _signal.SIG_DFL)
    try:
        os.execvp(words[0], words)
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def run(path: str, argv: list[str]) -> None:
    """Run a source file as `__main__`."""
    with open(path, "rb") as file:
        source = file.read()
    sys.argv = argv
    scope = sys.modules["__main__"].__dict__
    for name in [name for name in scope if not name.startswith("__")]:
        del scope[name]
    scope["__file__"] = path
    try:
        exec(compile(source, path, "exec"), scope)
    except MemoryError:
        os.write(2, b"MemoryError\n")
        os._exit(OUT_OF_MEMORY)


if __name__ == "__main__":
    main()
