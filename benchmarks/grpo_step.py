"""One GRPO step here against one of TRL's GRPOTrainer, and where the difference comes from.

    python benchmarks/grpo_step.py [--device cpu|cuda] [--precision bf16|fp32] [--json PATH]

Both sides: SmolLM2-135M, 16 tasks of `arithmetic` (a + b and a - b, two worked examples in chat form) with 8 samples
each, at most 24 new tokens at temperature 1, one AdamW step on all of them with DAPO's loss and no divergence. A
sample's reward is the verifier's plus a little noise, so that no group ties and nobody has samples to leave out. Steps
alternate in one process: TRL's, then ours.

bf16 means what each side means by it, both with float32 weights in the optimiser: TRL casts under autocast, we compute
in a bf16 copy. TRL learns in micro-batches of `--trl-rows` without activation checkpointing, its faster setting here.

The ablation takes one idea at a time out of our step, then all of them: (i) a prompt shared in prefill, (ii) trees
instead of padded rows, (iii) the output layer on predicting positions only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import numpy as np
import torch

from agentrl.environment import Outcome
from agentrl.envs.arithmetic import Arithmetic
from agentrl.episodes import Plan, Sampling, collect, copies, run_sync
from agentrl.learn import learner as learning
from agentrl.learn import scorer
from agentrl.learn.learner import Optim, Packing
from agentrl.learn.pack import Packed
from agentrl.models import model_folder
from agentrl.policies import _batch
from agentrl.recipes._shared import ModelSpec, Trainee, open_trainee
from agentrl.recipes.grpo import Config, credit
from agentrl.registry import grade
from agentrl.store import Run
from agentrl.types import Message, SampleRequest

Idea = Literal["prefill", "tree", "output"]
IDEAS: dict[Idea, str] = {
    "prefill": "(i) prompts shared in prefill",
    "tree": "(ii) trees instead of padded rows",
    "output": "(iii) output layer on predicting positions",
}
MODEL = "smollm2-135m"
LR = 1e-6


def jitter(reply: str) -> float:
    """Noise below 0.01 that is a function of the reply."""
    return 0.01 * zlib.crc32(reply.encode()) / 2**32


class Jittered(Arithmetic):
    """Rewards that hardly ever tie."""

    def respond(self, action: Message) -> Outcome:
        """The verifier's reward and the noise."""
        outcome = super().respond(action)
        return replace(outcome, reward=outcome.reward + jitter(action.content))


@dataclass(frozen=True)
class Seconds:
    """What a step took."""

    collect: float
    learn: float
    step: float


class Ours:
    """Our step, with ideas that can be taken out."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.config = Config(
            model=ModelSpec(MODEL, precision=options.precision, device=options.device),
            sampling=Sampling(max_tokens=options.max_tokens),
            optim=Optim(lr=LR),
            tasks=options.tasks,
            samples=options.samples,
        )
        self.trainee: Trainee = open_trainee(self.config.model, self.config.optim, Packing(), total_steps=100, seed=0)
        self.env = Jittered()
        self.run = Run.create(folder, {})
        self.done = 0
        self.lengths: list[float] = []

    def step(self, without: Sequence[Idea] = ()) -> Seconds:
        """Collect, commit, learn."""
        config, step = self.config, self.done
        self.done += 1
        chosen = self.env.all_tasks("train")[step * config.tasks : (step + 1) * config.tasks]
        plan = Plan(tuple(chosen), config.samples, 0, step)
        with self._without(without):
            began = time.perf_counter()
            rollouts = run_sync(collect(copies(self.env), self.trainee.policy, plan, sampling=config.sampling)).rollouts
            self.run.commit(f"train/step_{step:06d}", rollouts)
            collected = time.perf_counter()
            batch, metrics = credit(config, self.run.read(f"train/step_{step:06d}"))
            assert batch is not None
            self.trainee.learner.update(batch, config.objective)
            synchronise(config.model.device)
            ended = time.perf_counter()
        self.lengths.append(metrics["length"])
        return Seconds(collected - began, ended - collected, ended - began)

    @contextmanager
    def _without(self, ideas: Sequence[Idea]) -> Iterator[None]:
        self.trainee.learner.packing = Packing(layout="padded" if "tree" in ideas else "tree")
        with ExitStack() as stack:
            if "prefill" in ideas:
                sample = self.trainee.policy.sample
                stack.enter_context(mock.patch.object(_batch, "_SHARED_PREFIX", 1 << 30))
                stack.enter_context(
                    mock.patch.object(self.trainee.policy, "sample", lambda request: sample(unshared(request)))
                )
            if "output" in ideas:
                stack.enter_context(mock.patch.object(learning, "score", everywhere))
            yield


class Own(tuple[int, ...]):
    """A prompt that equals no other."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def unshared(request: SampleRequest) -> SampleRequest:
    return replace(request, prompt_ids=Own(request.prompt_ids))


def everywhere(
    model: Any, packed: Packed, *, temperature: float = 1.0, entropy: Literal["value", "gradient"] = "value"
) -> scorer.Scored:
    """`scorer.score` with the output layer on all slots."""
    hidden_ND = scorer._hidden(model, packed, model.device).flatten(0, 1)
    needed = packed.slot_BT >= 0
    which_P, target_P = (torch.from_numpy(a[needed]).to(model.device) for a in (packed.slot_BT, packed.target_BT))
    found = scorer._predict(model, hidden_ND, which_P, target_P, scorer._Draw(temperature, entropy))
    place = torch.from_numpy(np.flatnonzero(needed)).to(model.device)
    zeros = torch.zeros(packed.slot_BT.size, dtype=found[0].dtype, device=model.device)
    return scorer.Scored(*(zeros.index_put((place,), part).view(packed.slot_BT.shape) for part in found))


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def trl_trainer(options: argparse.Namespace, steps: int, folder: str) -> Any:
    """TRL's trainer over the same prompts and rewards."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    tasks = Jittered().all_tasks("train")[: steps * options.tasks]
    rows = [
        {"prompt": [{"role": m.role, "content": m.content} for m in task.prompt], "answer": str(task.answer)}
        for task in tasks
    ]

    def reward(completions: Any, answer: list[str], **_: Any) -> list[float | None]:
        replies = [completion[0]["content"] for completion in completions]
        return [grade("math", r, a).score + jitter(r) for r, a in zip(replies, answer, strict=True)]

    samples = options.tasks * options.samples
    config = GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=options.trl_rows,
        gradient_accumulation_steps=samples // options.trl_rows,
        num_generations=options.samples,
        max_completion_length=options.max_tokens,
        temperature=1.0,
        beta=0.0,
        loss_type="dapo",
        epsilon_high=0.28,
        learning_rate=LR,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused",
        bf16=options.precision == "bf16",
        use_cpu=options.device == "cpu",
        gradient_checkpointing=False,
        model_init_kwargs={"dtype": {"bf16": "bfloat16", "fp32": "float32"}[options.trl_weights]},
        max_steps=steps,
        save_strategy="no",
        logging_steps=1000,
        report_to="none",
        disable_tqdm=True,
        seed=0,
    )
    folder = model_folder(MODEL)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return GRPOTrainer(folder, reward, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)


def alternate(options: argparse.Namespace, ours: Ours) -> dict[str, list[Seconds]]:
    """TRL's steps with one of ours after each; the first `--warm` of both are not counted."""
    from transformers import TrainerCallback

    steps = options.warm + options.steps
    found: dict[str, list[Seconds]] = {"trl": [], "agentrl": []}
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl_trainer(options, steps, folder)
        inner, collected, began = trainer._generate_and_score_completions, [0.0], [0.0]

        def timed(inputs: Any) -> Any:
            start = time.perf_counter()
            out = inner(inputs)
            synchronise(options.device)
            collected[0] += time.perf_counter() - start
            return out

        class Clock(TrainerCallback):
            def on_step_begin(self, *_: Any, **__: Any) -> None:
                collected[0], began[0] = 0.0, time.perf_counter()

            def on_step_end(self, *_: Any, **__: Any) -> None:
                synchronise(options.device)
                total = time.perf_counter() - began[0]
                found["trl"].append(Seconds(collected[0], total - collected[0], total))
                found["agentrl"].append(ours.step())
                print(f"  trl {found['trl'][-1].step:.2f} s, agentrl {found['agentrl'][-1].step:.2f} s", flush=True)

        trainer._generate_and_score_completions = timed
        trainer.add_callback(Clock())
        trainer.train()
        theirs = next(log["completions/mean_length"] for log in trainer.state.log_history if "reward" in log)
        print(f"mean length: trl {theirs:.1f}, agentrl {np.mean(ours.lengths):.1f} tokens")
    return {name: steps_[options.warm :] for name, steps_ in found.items()}


def ablate(options: argparse.Namespace, ours: Ours) -> dict[str, list[Seconds]]:
    """Our step as it is, without each idea, and without all; one round after the other."""
    variants: dict[str, Sequence[Idea]] = {"all three": ()}
    variants |= {f"without {text}": (idea,) for idea, text in IDEAS.items()}
    variants["without any"] = tuple(IDEAS)
    found: dict[str, list[Seconds]] = {name: [] for name in variants}
    for _ in range(options.ablation_steps):
        for name, without in variants.items():
            found[name].append(ours.step(without))
    return found


def table(found: dict[str, list[Seconds]], samples: int, base: str) -> dict[str, dict[str, float]]:
    """Medians, printed and returned."""
    medians = {
        name: {field: statistics.median(getattr(s, field) for s in steps) for field in ("collect", "learn", "step")}
        for name, steps in found.items()
        if steps
    }
    print(f"\n{'':46} collect    learn     step  samples/s  step vs {base}")
    for name, m in medians.items():
        m["samples_per_second"] = samples / m["step"]
        m["step_ratio"] = m["step"] / medians[base]["step"]
        print(
            f"{name:46} {m['collect']:7.2f}  {m['learn']:7.2f}  {m['step']:7.2f}  {m['samples_per_second']:9.2f}  "
            f"{m['step_ratio']:5.2f} x"
        )
    return medians


def processor() -> str:
    """The CPU's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=24)
    parser.add_argument("--trl-rows", type=int, default=16, help="TRL's micro-batch")
    parser.add_argument("--trl-weights", choices=["fp32", "bf16"], default="fp32", help="bf16 loses small steps")
    parser.add_argument("--warm", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--ablation-steps", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    samples = options.tasks * options.samples
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(options, Path(folder) / "run")
        compared = table(alternate(options, ours), samples, "agentrl")
        ablated = table(ablate(options, ours), samples, "all three") if options.ablation_steps else {}
    ratio = compared["agentrl"]["samples_per_second"] / compared["trl"]["samples_per_second"]
    print(f"\nagentrl does {ratio:.2f} times as many samples a second as TRL")
    if options.json is not None:
        import transformers
        import trl

        device = torch.cuda.get_device_name() if options.device == "cuda" else processor()
        record = {
            "command": " ".join(["python", *sys.argv]),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "device": f"{device}, {torch.get_num_threads()} threads",
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "trl": trl.__version__},
            "samples_per_second_ratio": ratio,
            "seconds": compared,
            "ablation_seconds": ablated,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
