"""Probes 27 and 31 to 33: each run is the first one, and ordinary programs work."""

from __future__ import annotations

import hashlib
import secrets

from agentrl.errors import UsageError
from agentrl.probes.core import LIMITS, Context, ProbeSkipped, ended, fail_if, probe, program, removed, told
from agentrl.programs import Command, ExecResult, Limits, Python


@probe(27)
def state_of_modules(context: Context) -> None:
    """Find what an earlier run left in modules, builtins and the environment."""
    first = """
import builtins, random
builtins.agentrl_left = json.agentrl_left = os.environ["AGENTRL_LEFT"] = "left"
builtins.len = json.dumps = lambda *a, **k: "9"
random.seed(0)
sys.path.insert(0, "/tmp")
print(1)
"""
    then = """
import builtins
tell(left=[w for w, there in {"builtins": hasattr(builtins, "agentrl_left"), "json": hasattr(json, "agentrl_left"),
     "environment": "AGENTRL_LEFT" in os.environ, "len": len([1]) != 1, "path": "/tmp" in sys.path}.items() if there])
"""
    fail_if(context.run(first).status != "ok", "the first run failed")
    left = context.facts(then)["left"]
    fail_if(left, f"left by an earlier run: {', '.join(left)}")


@probe(27, "files")
def state_of_files(context: Context) -> None:
    """Find what an earlier run left in the box, in /tmp and in /dev/shm."""
    given = {"name": f"agentrl-{secrets.token_hex(8)}"}
    folders = 'paths = [os.path.join(f, given["name"]) for f in (os.getcwd(), "/tmp", "/dev/shm")]\n'
    make = folders + 'tell(made=[p for p in paths if attempt(open, p, "w") == "done"])'
    look = folders + "tell(left=[p for p in paths if os.path.exists(p)])"
    with removed(given["name"]):
        made = context.facts(make, given)["made"]
        fail_if(len(made) < 2, f"a program can write to {made or 'nothing'}, not to its folder and /tmp")
        left = context.facts(look, given)["left"]
    fail_if(left, f"left by an earlier run: {', '.join(left)}")


@probe(27)
def state_of_a_session(context: Context) -> None:
    """Files of a session stay for its next run where that is claimed, and end with it."""
    keeps = "files" in context.sandbox.capabilities.persistent
    with context.sandbox.session(files={"given.txt": b"given"}, limits=LIMITS) as box:
        told(box.run(program("open('made.txt', 'w').write('made')\ntell()")))
        box.write({"later/too.txt": b"later"})
        source = "tell(**{p: open(p).read() for p in ('given.txt', 'made.txt', 'later/too.txt') if os.path.exists(p)})"
        seen = told(box.run(program(source)))
        wanted = {"given.txt": "given", "made.txt": "made", "later/too.txt": "later"}
        fail_if(keeps and seen != wanted, f"of a session's three files a later run saw {seen}")
        held = box.snapshot()
        fail_if(keeps and {k: v.decode() for k, v in held.items()} != wanted, f"a snapshot holds {sorted(held)}")


@probe(31)
def odd_files(context: Context) -> None:
    """Use files with spaces, accents, emoji and no content."""
    files = {"a b/ü ñ.txt": b"one", "日本/😀": b"", "-x": b"two", "quote'\"$(x)": b"three", "new\nline": b"four"}
    source = """
def walk():
    for folder, _, names in os.walk("."):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), ".")
            yield path, open(path).read()
found = dict(walk())
open("back 😀.txt", "w").write("back")
tell(found=found)
"""
    with context.sandbox.session(files=files, limits=LIMITS) as box:
        found = told(box.run(program(source)))["found"]
        fail_if({k: v.encode() for k, v in found.items()} != files, f"the program saw {sorted(found)}")
        fail_if(box.snapshot() != {**files, "back 😀.txt": b"back"}, f"a snapshot holds {sorted(box.snapshot())}")


@probe(31)
def odd_arguments(context: Context) -> None:
    """Pass a megabyte of arguments, empty ones, a large program, an environment."""
    words = ("", " ", "ü 😀", "'\"$(x)\n", *("w" * 65536 for _ in range(15)))
    source = """
import hashlib, os, sys
print(hashlib.sha256("|".join(sys.argv[1:]).encode()).hexdigest(), os.environ["ASKED"])
"""
    wanted = f"{hashlib.sha256('|'.join(words).encode()).hexdigest()} ü\n".encode()
    result = context.sandbox.run(Python(source, argv=words, env={"ASKED": "ü"}), limits=LIMITS)
    fail_if(result.stdout != wanted, f"with 1 MB of arguments: {ended(result)}")
    result = context.run("#" * 2_000_000 + "\ntell(name=__name__, file=os.path.basename(__file__))")
    fail_if(told(result)["name"] != "__main__", "a program does not run as __main__")


@probe(32)
def clock(context: Context) -> None:
    """Read a clock that runs, in a time zone that does not depend on the host."""
    facts = context.facts(
        "a, t = time.monotonic(), time.time()\ntime.sleep(0.05)\n"
        "tell(slept=time.monotonic() - a, real=time.time() - t, zone=time.strftime('%Z'), now=time.time())"
    )
    fail_if(not 0.05 <= facts["slept"] < 5 or not 0 < facts["real"] < 5, f"a sleep of 0.05 s took {facts['slept']} s")
    fail_if(facts["zone"] != "UTC", f"the time zone is {facts['zone']}")


@probe(32)
def randomness(context: Context) -> None:
    """Draw the same random numbers twice, unless seeded."""
    source = """
import random
try:
    import numpy
    drawn = numpy.random.random()
except ImportError:
    drawn = os.urandom(8).hex()
tell(random=random.random(), urandom=os.urandom(8).hex(), numpy=drawn, seeded=random.Random(7).random())
"""
    limits = Limits(memory_mib=1024)
    one, two = context.facts(source, limits=limits), context.facts(source, limits=limits)
    same = [name for name in ("random", "urandom", "numpy") if one[name] == two[name]]
    fail_if(same, f"two runs drew the same from {', '.join(same)}")
    fail_if(one["seeded"] != two["seeded"], "two runs drew otherwise from one seed")


@probe(32)
def hash_seed(context: Context) -> None:
    """Ask for a hash seed."""
    if "command" not in context.sandbox.capabilities.programs:
        raise ProbeSkipped("the back end runs no commands, so no interpreter that reads PYTHONHASHSEED")
    python = context.facts("tell(python=sys.executable)")["python"]

    def hashed(seed: str) -> ExecResult:
        command = Command((python, "-c", "print(hash('agentrl'))"), env={"PYTHONHASHSEED": seed})
        return context.sandbox.run(command, limits=LIMITS)

    one, two, other = hashed("7"), hashed("7"), hashed("8")
    fail_if(one.status != "ok", ended(one))
    fail_if(one.stdout != two.stdout, "one PYTHONHASHSEED gave two hashes")
    fail_if(one.stdout == other.stdout, "PYTHONHASHSEED changes nothing")


@probe(33)
def numerics(context: Context) -> None:
    """Multiply matrices with numpy, on one thread."""
    source = """
import importlib.util
if importlib.util.find_spec("numpy") is None:
    tell(numpy=None)
    sys.exit()
import numpy
a = numpy.arange(90_000.0).reshape(300, 300) / 90_000
inverse = numpy.linalg.inv(a @ a.T + numpy.eye(300))
tell(numpy=numpy.__version__, error=float(abs(inverse @ (a @ a.T + numpy.eye(300)) - numpy.eye(300)).max()),
     threads=len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1)
"""
    try:
        opened = context.factory(modules=("numpy",))
    except (UsageError, TypeError):  # no such option: its interpreter has what it has
        opened = context.factory()
    with opened:
        facts = Context(opened, context.factory).facts(source, limits=Limits(memory_mib=1024))
    if facts["numpy"] is None:
        raise ProbeSkipped("the box's interpreter has no numpy")
    fail_if(not facts["error"] < 1e-6, f"an inverse is wrong by {facts['error']}")
    fail_if(facts["threads"] != 1, f"numpy runs {facts['threads']} threads")
