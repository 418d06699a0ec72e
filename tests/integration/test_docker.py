"""Docker, against a real daemon: what it leaves when its owner is killed, and what it asks of the daemon."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import SandboxError
from agentrl.programs import Command, Python
from agentrl.sandbox import open_sandbox
from agentrl.sandboxes.docker import owner

pytestmark = pytest.mark.integration

TRAINER = """
import sys
from agentrl.programs import Command, Python
from agentrl.sandbox import open_sandbox
sandbox = open_sandbox("docker", base_url=sys.argv[1], image=sys.argv[2])
print("open", flush=True)
while True:
    with sandbox.session() as session:
        session.run(Python("print(1)"))
        session.run(Command(("sleep", "0.2")))
"""


def ours(client: Any) -> list[str]:
    return [container["Id"] for container in client.containers(all=True, filters={"label": "agentrl.run"})]


def await_none(client: Any, seconds: float) -> list[str]:
    """What is left when the time is over, or nothing as soon as nothing is left."""
    deadline = time.monotonic() + seconds
    while (left := ours(client)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def janitors(address: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace")
            if "docker/janitor.py" in words and address in words:
                found.append(words)
    return found


def test_twenty_killed_trainers_leave_nothing(docker: dict[str, Any], client: Any) -> None:
    generator = random.Random(7)
    for _ in range(5):
        trainers = [
            subprocess.Popen(
                [sys.executable, "-c", TRAINER, docker["base_url"], docker["image"]], stdout=subprocess.PIPE
            )
            for _ in range(4)
        ]
        for trainer in trainers:
            assert trainer.stdout is not None
            assert trainer.stdout.readline() == b"open\n"
        for trainer in trainers:
            time.sleep(generator.uniform(0, 0.5))
            trainer.kill()
        for trainer in trainers:
            trainer.wait()
            assert trainer.stdout is not None
            trainer.stdout.close()
        assert await_none(client, 10.0) == []
    deadline = time.monotonic() + 15
    while janitors(docker["base_url"]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert janitors(docker["base_url"]) == []


def test_killed_trainer_without_a_janitor_leaves_no_running_container(docker: dict[str, Any], client: Any) -> None:
    source = TRAINER.replace("while True:", "session = sandbox.session()\nprint('made', flush=True)\nwhile True:")
    command = [sys.executable, "-c", source, docker["base_url"], docker["image"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as trainer:
        assert trainer.stdout is not None
        assert [trainer.stdout.readline() for _ in range(2)] == [b"open\n", b"made\n"]
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if f"docker/janitor.py\0{docker['base_url']}".encode() in path.read_bytes():
                    os.kill(int(path.parent.name), 9)
        trainer.kill()
    running = {"label": "agentrl.run", "status": "running"}
    deadline = time.monotonic() + 10
    while client.containers(filters=running) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.containers(filters=running) == []
    open_sandbox("docker", **docker).close()  # the next one clears what was only created
    assert ours(client) == []


def test_opening_clears_away_what_dead_owners_left(docker: dict[str, Any], client: Any) -> None:
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = owner(ended.pid)
    ended.communicate(b"\n")
    mine, other = owner(os.getpid()), f"another-boot {dead.split(maxsplit=1)[1]}"
    made = {
        label: client.create_container(docker["image"], ["true"], labels={"agentrl.owner": label})["Id"]
        for label in (dead, mine, other)
    }
    try:
        open_sandbox("docker", **docker).close()
        left = {container["Id"] for container in client.containers(all=True)}
        assert left == {made[mine], made[other]}
    finally:
        for label in (mine, other):
            client.remove_container(made[label], force=True)


def test_container_is_what_the_card_says(docker: dict[str, Any], client: Any) -> None:
    with open_sandbox("docker", **docker) as sandbox, sandbox.session():
        (container,) = ours(client)
        facts = client.inspect_container(container)
        config = facts["HostConfig"]
        assert config["NetworkMode"] == config["IpcMode"] == "none"
        assert config["ReadonlyRootfs"]
        assert config["AutoRemove"]
        assert not config["Privileged"]
        assert config["CapDrop"] == ["ALL"]
        assert not config["CapAdd"]
        assert not config["Binds"]
        assert config["LogConfig"]["Type"] == "none"
        assert config["Memory"] == config["MemorySwap"] > 0
        assert 0 < config["PidsLimit"] < 100
        assert int(facts["Config"]["User"].partition(":")[0]) > 10**9
    assert ours(client) == []


def test_box_that_was_ended_counts_its_programs_as_killed(docker: dict[str, Any], client: Any) -> None:
    with open_sandbox("docker", **docker) as sandbox, sandbox.session() as session:
        process = session.start(Command(("sleep", "60")))
        (container,) = ours(client)
        client.kill(container)
        assert (process.finish().status, await_none(client, 5.0)) == ("signalled", [])
        assert session.run(Python("print(1)")).status == "signalled"


def test_absent_image_is_named(docker: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match=r"no image 'no-such-image'.*docker pull"):
        open_sandbox("docker", base_url=docker["base_url"], image="no-such-image")


def test_missing_protection_refuses_to_open(docker: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="syscalls"):
        open_sandbox("docker", **docker, pretend_missing=("syscalls",))
    with open_sandbox("docker", **docker, pretend_missing=("syscalls",), allow_degraded=("syscalls",)) as sandbox:
        assert "syscalls" not in sandbox.capabilities.protections
        assert sandbox.run(Python("print(1)")).stdout == b"1\n"
