"""Train a language model on verified rewards and show, on held-out tasks, that it got better: `make demo`.

SmolLM2-135M-Instruct learns two-digit sums and differences with GRPO; the settings are in `arithmetic.toml`. The same
held-out tasks are answered before and after, with the same random streams, so the difference is paired.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agentrl import cli
from agentrl.evaluation.report import compare, learning_curve, summarise
from agentrl.store import Run

SETTINGS = Path(__file__).parent / "arithmetic.toml"


def main() -> int:
    folder = next(path for n in range(1, 10_000) if not (path := Path("runs") / f"demo-{n}").exists())
    command = ["train", "grpo", str(SETTINGS), "--run", str(folder)]
    print("agentrl", *command, flush=True)
    code = cli.main(command)
    if code:
        return code
    run = Run.open(folder)
    before, *_, after = (run.read(shard) for shard in run.shards() if shard.startswith("eval/"))
    change = compare(before, after)
    print(f"\nbefore: {summarise(before)}\n\nafter: {summarise(after)}\n\n{change}\n")
    print(f"learning curve: {learning_curve(run, folder / 'curve.png')}")
    print(f"trained model:  {folder / 'model'}")
    if change.pass_at[1].difference.low > 0:
        return 0
    print("the interval of the gain reaches 0: the model did not learn", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
