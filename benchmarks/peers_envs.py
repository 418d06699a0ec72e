"""Steps and resets a second of environments of other kits; run by `benchmarks/envs.py --peers PYTHON`, in that Python.

Prints one JSON object: GEM's guessing game (numbers from 1 on, in order) and skyrl-gym's GSM8K (right answers). Neither
can be forked other than by `copy.deepcopy`, which is what is timed in a fork's place.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable


def rate(work: Callable[[], int], seconds: float) -> float:
    """What `work` counts, a second."""
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        done += work()
    return done / spent


def gem(seconds: float) -> dict[str, float]:
    """`game:GuessTheNumber` of gem-llm."""
    from gem.envs.game_env.guess_the_number import GuessTheNumberEnv

    env = GuessTheNumberEnv()

    def reset() -> int:
        env.reset(seed=0)
        return 1

    def play() -> int:
        env.reset(seed=0)
        for n in range(1, 21):
            if env.step(f"\\boxed{{{n}}}")[2]:
                break
        return n

    def fork() -> int:
        copy.deepcopy(env)
        return 1

    return {"resets/s": rate(reset, seconds), "steps/s": rate(play, seconds), "fork ms": 1000 / rate(fork, seconds / 2)}


def skyrl(seconds: float) -> dict[str, float]:
    """`gsm8k` of skyrl-gym: an instance is an episode."""
    from skyrl_gym.envs.gsm8k.env import GSM8kEnv

    extras = {"reward_spec": {"ground_truth": "42"}}

    def reset() -> int:
        GSM8kEnv(extras=extras).init([{"role": "user", "content": "6 * 7 = ?"}])
        return 1

    def play() -> int:
        env = GSM8kEnv(extras=extras)
        env.init([{"role": "user", "content": "6 * 7 = ?"}])
        env.step("6 * 7 = 42\n#### 42")
        return 1

    env = GSM8kEnv(extras=extras)

    def fork() -> int:
        copy.deepcopy(env)
        return 1

    return {"resets/s": rate(reset, seconds), "steps/s": rate(play, seconds), "fork ms": 1000 / rate(fork, seconds / 2)}


if __name__ == "__main__":
    given = float(sys.argv[1])
    print(json.dumps({"gem-llm GuessTheNumber": gem(given), "skyrl-gym gsm8k": skyrl(given)}))
