"""Conformance of sandboxes: 35 rows of things to try from inside a box, each held against what a back end claims.

`run_probes(functools.partial(open_sandbox, "zygote"))` runs them; so does `agentrl sandbox check`. A probe runs only
where every protection that it tries is claimed by `Capabilities.protections`; some need none. The rows:

    1-7    `escape`     network, files, environment, processes; 22 inherited descriptors
    8-13   `limits`     fork bombs, daemons, memory, time, output; 16 disk
    14-18  `streams`    stdin and stdout without deadlock, files that come out, bytes preserved; 19 exit codes
    20-25  `kernel`     system calls, set-uid, foreign system calls, terminals, clocks and names
    27-33  `behaviour`  no state between runs, paths, clock, random, numpy
    26     `neighbours` what two boxes see of each other
    28-35  `host`       killed owners, 500 runs, 200 cancellations, claims against facts, degraded hosts
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from agentrl.errors import UsageError
from agentrl.probes import behaviour, escape, host, kernel, limits, neighbours, streams
from agentrl.probes.core import Context, Probe, ProbeFailed, ProbeResult, SandboxFactory, run_one

__all__ = ["Probe", "ProbeFailed", "ProbeResult", "SandboxFactory", "all_probes", "run_probes"]

_MODULES = (escape, limits, streams, kernel, neighbours, behaviour, host)


def all_probes() -> list[Probe]:
    """Every probe, by its row and then as written."""
    found = [probe for module in _MODULES for probe in vars(module).values() if isinstance(probe, Probe)]
    return sorted(found, key=lambda probe: probe.number)


def run_probes(
    factory: SandboxFactory,
    *,
    only: Collection[int] | None = None,
    on_result: Callable[[ProbeResult], None] = lambda _: None,
) -> list[ProbeResult]:
    """Run the probes against a back end.

    Args:
        factory: Opens it; see `SandboxFactory`.
        only: The rows to run; default: all.
        on_result: Told of each result as it comes.

    Raises:
        UsageError: `only` names a row that is none.
        SandboxError: The back end does not open here.
    """
    probes = all_probes()
    unknown = sorted(set(only or ()) - {probe.number for probe in probes})
    if unknown:
        raise UsageError(f"no probe {unknown[0]}: they are numbered 1 to {probes[-1].number}")
    results = []
    with factory() as sandbox:
        context = Context(sandbox, factory)
        for probe in probes:
            if only is None or probe.number in only:
                results.append(run_one(probe, context))
                on_result(results[-1])
    return results
