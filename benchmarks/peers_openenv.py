"""OpenEnv's rows of `benchmarks/peers_envs.py`: the guessing game of `benchmarks/envs.py` in its classes.

The game is ours, not OpenEnv's: openenv-core comes without an environment. Numbers, words, turns and rewards are those
of `Guess` there. It is measured twice:

- in its process, as a subclass of `Environment`, which no user of OpenEnv calls (a server does);
- served, which is how OpenEnv is used: `create_app` under uvicorn in a process of its own, and `GenericEnvClient`, here
  without its wrapper `sync()`, over a WebSocket on this machine. Several processes share the one server, each
  with a session. OpenEnv has no fork, and a copy of the client would be the same session. Memory is what a session
  with an open episode adds to the server's resident memory, its thread included; the client's is not counted.
"""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from openenv.core import GenericEnvClient
from openenv.core.env_server import Action, Environment, Observation, State, create_app
from timing import Work, measure, rate, rate_together, together

NUMBERS = range(1, 21)
TURNS = 20
SESSIONS = 64


class Guessed(Action):
    """A reply."""

    text: str


class Shown(Observation):
    """What the game says."""

    text: str


class Guess(Environment[Guessed, Shown, State]):
    """Higher or lower, up to 20 turns."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._state = State()
        self._number = 1
        self._guessed: set[int] = set()

    def reset(self, seed: int | None = None, episode_id: str | None = None, number: int = 1, **rest: Any) -> Shown:
        """Nothing is guessed yet."""
        self._state = State(episode_id=episode_id or str(uuid4()), step_count=0)
        self._number, self._guessed = number, set()
        return Shown(text="Guess a number between 1 and 20.")

    def step(self, action: Guessed, timeout_s: float | None = None, **rest: Any) -> Shown:
        """Higher, lower, or right."""
        self._state.step_count += 1
        over = self._state.step_count >= TURNS
        if not action.text.isdecimal():
            return Shown(text="That is no number.", reward=0.0, done=over)
        guess = int(action.text)
        self._guessed.add(guess)
        if guess == self._number:
            return Shown(text="", reward=1.0, done=True)
        hint = "lower" if guess > self._number else "higher"
        return Shown(text=f"It is {hint}; {len(self._guessed)} guessed.", reward=0.0, done=over)

    @property
    def state(self) -> State:
        """The episode's id and its steps."""
        return self._state


class Inside:
    """The game in this process."""

    def __init__(self) -> None:
        self.env, self.number = Guess(), 0

    def reset(self) -> int:
        """Begin with the next number."""
        self.number = self.number % len(NUMBERS) + 1
        self.env.reset(seed=0, number=self.number)
        return 1

    def play(self) -> int:
        """Guess from 1 on."""
        self.reset()
        for n in NUMBERS:
            if self.env.step(Guessed(text=str(n))).done:
                break
        return n

    def middle(self) -> None:
        """Ten guesses at the last number."""
        self.env.reset(seed=0, number=NUMBERS[-1])
        for n in NUMBERS[: len(NUMBERS) // 2]:
            self.env.step(Guessed(text=str(n)))

    def fork(self) -> int:
        """A deep copy: OpenEnv has no fork."""
        copy.deepcopy(self.env)
        return 1

    def instance(self) -> object:
        """A deep copy."""
        return copy.deepcopy(self.env)


class Session:
    """The game on a server."""

    def __init__(self, address: str) -> None:
        self.loop, self.number = asyncio.new_event_loop(), 0
        self.client = GenericEnvClient(base_url=address)
        self.loop.run_until_complete(self.client.connect())

    async def _reset(self) -> None:
        self.number = self.number % len(NUMBERS) + 1
        await self.client.reset(seed=0, number=self.number)

    async def _play(self) -> int:
        await self._reset()
        for n in NUMBERS:
            if (await self.client.step({"text": str(n)})).done:
                break
        return n

    def reset(self) -> int:
        """Begin with the next number."""
        self.loop.run_until_complete(self._reset())
        return 1

    def play(self) -> int:
        """Guess from 1 on."""
        return self.loop.run_until_complete(self._play())

    def close(self) -> None:
        """End the session."""
        self.loop.run_until_complete(self.client.close())
        self.loop.close()


def _serve(listening: socket.socket) -> None:
    app = create_app(Guess, Guessed, Shown, max_concurrent_envs=2 * SESSIONS)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """The game's server; its address and process."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(listening,))
        process.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", process.pid or 0
        finally:
            process.terminate()
            process.join()


def resident_kib(process: int) -> float:
    """A process's resident memory."""
    line = next(x for x in Path(f"/proc/{process}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return float(line.split()[1])


def measure_served(seconds: float, processes: int) -> dict[str, float]:
    """The figures of the served game."""
    with served() as (address, server):
        session = Session(address)
        session.play()
        figures = {"resets/s": rate(session.reset, seconds), "steps/s": rate(session.play, seconds)}
        if processes > 1:

            def opener() -> Work:
                return Session(address).play

            figures[together(processes)] = rate_together(opener, seconds, processes)
        before = resident_kib(server)
        more = [Session(address) for _ in range(SESSIONS)]
        for each in more:
            each.reset()
        figures["KiB an instance"] = (resident_kib(server) - before) / SESSIONS
        for each in (session, *more):
            each.close()
    return figures


def rows(seconds: float, processes: int) -> dict[str, dict[str, float]]:
    """Both rows."""
    name = f"OpenEnv {version('openenv-core')}, our guess"
    return {name: measure(Inside(), seconds, processes), f"{name}, served": measure_served(seconds, processes)}
