"""An environment with a verifier of its own, in 15 lines of code, and three episodes: `python examples/own_env.py`.

`agentrl check examples/own_env.py` holds it to the contract of every environment. It prints

    no words             0.0 no_answer
    level radar kayak    1.0 correct
    level radar radar    0.0 incorrect
"""

from collections.abc import Sequence

from agentrl import SingleTurnEnv, Task, Verdict
from agentrl.types import Message, Split, Transcript

WORDS = "level radar kayak rotor civic"


def palindromes(task: Task, transcript: Transcript) -> Verdict:
    """As many different palindromes as were asked for, and nothing else."""
    words = transcript.reply.lower().split()
    if not words:
        return Verdict(0.0, "no_answer")
    right = len(set(words)) == len(words) == task.answer and all(len(w) > 2 and w == w[::-1] for w in words)
    return Verdict(float(right), "correct" if right else "incorrect")


class Palindromes(SingleTurnEnv):
    """Words that read the same from both ends."""

    verifier = staticmethod(palindromes)

    def tasks(self, split: Split) -> Sequence[Task]:
        """Two or three words in train, four or five in test."""
        counts = (2, 3) if split == "train" else (4, 5)
        return [Task.ask(f"{split}/{n}", f"Write {n} palindromes of three letters or more.", n) for n in counts]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The first of some."""
        return (" ".join(WORDS.split()[: task.answer]),)


def main() -> None:
    """Three replies to one task."""
    env = Palindromes()
    for reply in ("", "level radar kayak", "level radar radar"):
        env.reset(options={"task": "train/3"})
        _, reward, *_, info = env.step(reply)
        print(f"{reply or 'no words':20} {reward} {info['verdict'].status}")


if __name__ == "__main__":
    main()
