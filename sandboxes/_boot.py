"""The first program in a box that has no launcher: sets the limits of its process, then becomes the program.

Runs by itself (`python -I -S _boot.py LIMITS KIND WORD...`), from the standard library alone; nothing is imported from
the kit. LIMITS is a JSON object from the name of an rlimit (`AS`, `CPU`, ...) to [soft, hard]; KIND is `python`, with
the path of a source and its arguments, or `command`, with an argument vector.
"""

import json
import os
import resource
import sys


def main() -> None:
    """Limit, then run."""
    limits, kind, words = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for name, (soft, hard) in limits.items():
        which = getattr(resource, "RLIMIT_" + name)
        _, most = resource.getrlimit(which)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(which, (soft, hard))
    os.umask(0o077)
    if kind == "command":
        try:
            os.execvp(words[0], words)
        except OSError as error:
            sys.stderr.write(f"{words[0]}: {error.strerror}\n")
            os._exit(127)
    run(words[0], words)


def run(path: str, argv: list[str]) -> None:
    """Run a source file as `__main__`."""
    with open(path, "rb") as file:
        source = file.read()
    sys.argv = argv
    scope = sys.modules["__main__"].__dict__
    for name in [name for name in scope if not name.startswith("__")]:
        del scope[name]
    scope["__file__"] = path
    exec(compile(source, path, "exec"), scope)


if __name__ == "__main__":
    main()
