"""The environments of other kits; run by `benchmarks/envs.py --peers PYTHON`, in that Python.

    python benchmarks/peers_envs.py [--seconds 0.4] [--processes 2]

Prints one JSON object: GEM's guessing game (the same twenty numbers and guesses as ours, each in a box, as it asks),
skyrl-gym's GSM8K (right answers), and our guessing game in OpenEnv's classes (`benchmarks/peers_openenv.py`). None of
them can be forked other than by `copy.deepcopy`, which is what is timed in a fork's place; what is not installed is
left out.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Callable
from importlib.metadata import version

from timing import measure

Rows = dict[str, dict[str, float]]


def gem(seconds: float, processes: int) -> Rows:
    """`game:GuessTheNumber` of gem-llm."""
    from gem.envs.game_env.guess_the_number import GuessTheNumberEnv

    class Guess:
        def __init__(self) -> None:
            self.env, self.number = GuessTheNumberEnv(), 0

        def reset(self) -> int:
            self.number = self.number % 20 + 1
            self.env.reset(seed=0)
            self.env.game_number = self.number
            return 1

        def play(self) -> int:
            self.reset()
            for n in range(1, 21):
                if self.env.step(f"\\boxed{{{n}}}")[2]:
                    break
            return n

        def middle(self) -> None:
            self.env.reset(seed=0)
            self.env.game_number = 20
            for n in range(1, 11):
                self.env.step(f"\\boxed{{{n}}}")

        def fork(self) -> int:
            copy.deepcopy(self.env)
            return 1

        def instance(self) -> object:
            return copy.deepcopy(self.env)

    return {f"GEM {version('gem-llm')}, GuessTheNumber": measure(Guess(), seconds, processes)}


def skyrl(seconds: float, processes: int) -> Rows:
    """`gsm8k` of skyrl-gym: an instance is an episode."""
    from skyrl_gym.envs.gsm8k.env import GSM8kEnv

    extras = {"reward_spec": {"ground_truth": "42"}}

    class Sum:
        def __init__(self) -> None:
            self.middle()

        def reset(self) -> int:
            self.middle()
            return 1

        def play(self) -> int:
            self.middle()
            self.env.step("6 * 7 = 42\n#### 42")
            return 1

        def middle(self) -> None:
            self.env = GSM8kEnv(extras=extras)
            self.env.init([{"role": "user", "content": "6 * 7 = ?"}])

        def fork(self) -> int:
            copy.deepcopy(self.env)
            return 1

        def instance(self) -> object:
            return copy.deepcopy(self.env)

    return {f"skyrl-gym {version('skyrl-gym')}, gsm8k": measure(Sum(), seconds, processes)}


def openenv(seconds: float, processes: int) -> Rows:
    """The guessing game in OpenEnv's classes."""
    import peers_openenv

    return peers_openenv.rows(seconds, processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.4, help="of each measurement")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    rows: Rows = {}
    kits: tuple[Callable[[float, int], Rows], ...] = (gem, skyrl, openenv)
    for kit in kits:
        try:
            rows |= kit(args.seconds, args.processes)
        except ImportError as error:
            print(f"{kit.__name__}: left out, {error}", file=sys.stderr)
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
