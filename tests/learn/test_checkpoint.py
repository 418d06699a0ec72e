"""Checkpoints: restored to the bit, whole or not at all, and refused where they do not belong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from agentrl.errors import CheckpointError, StoreError
from agentrl.learn import checkpoint
from agentrl.learn.learner import Learner
from agentrl.learn.objectives import PolicyGradient


@pytest.fixture
def learn(group: Any, batch_of: Any) -> Any:
    """`learn(learner, first, last)`: steps on batches that differ from step to step."""

    def run(learner: Learner, first: int, last: int) -> list[dict[str, float]]:
        batches = [batch_of(group(2, 3, seed=s), seed=s) for s in range(first, last)]
        return [learner.update(b, PolicyGradient()) for b in batches]

    return run


def _everything(learner: Learner) -> dict[str, torch.Tensor]:
    weights = {f"weight/{n}": p.detach() for n, p in learner.parameters.items()}
    return weights | {f"master/{n}": m.detach() for n, m in learner.masters.items()} | checkpoint._moments(learner)


def _damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    elif how == "flipped":
        data[-3] ^= 1
    file.write_bytes(b"" if how == "empty" else bytes(data))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_restored_learner_continues_to_the_bit(
    tiny: Any, learner_of: Any, learn: Any, tmp_path: Path, dtype: Any
) -> None:
    straight = learner_of(tiny(dtype=dtype), schedule="linear")
    expected = learn(straight, 0, 6)
    before = learner_of(tiny(dtype=dtype), schedule="linear")
    learn(before, 0, 3)
    saved = checkpoint.save(tmp_path, before, step=3, config="c")
    after = learner_of(tiny(dtype=dtype, seed=9), schedule="linear")  # other weights: all must come from the file
    learn(after, 4, 5)  # and it had moments of its own
    state = checkpoint.restore(saved, after, config="c")
    assert (state.step, after.steps) == (3, 3)
    assert learn(after, 3, 6) == expected[3:]
    want, found = _everything(straight), _everything(after)
    assert want.keys() == found.keys()
    assert all(torch.equal(found[n], t) for n, t in want.items())


def test_generator_and_threads_are_restored(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    learner = learner_of(tiny())
    torch.manual_seed(5)
    torch.rand(3)
    saved = checkpoint.save(tmp_path, learner, step=1, config="c")
    expected = torch.rand(4)
    torch.set_num_threads(2)
    checkpoint.restore(saved, learner)
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == 1


def test_the_newest_are_kept_and_leftovers_go(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    learner = learner_of(tiny())
    assert checkpoint.latest(tmp_path) is None
    for name in (".step_000001.part", "step_000000"):  # torn while writing; torn while being removed
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"torn")
    (tmp_path / "notes").mkdir()
    assert checkpoint.latest(tmp_path) is None
    for step in (2, 4, 10):
        checkpoint.save(tmp_path, learner, step=step, config="c", keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes", "step_000004", "step_000010"]
    assert checkpoint.latest(tmp_path) == tmp_path / "step_000010"


def test_a_step_can_be_saved_again(tiny: Any, learner_of: Any, learn: Any, tmp_path: Path) -> None:
    learner = learner_of(tiny())
    checkpoint.save(tmp_path, learner, step=1, config="c")
    learn(learner, 0, 1)
    saved = checkpoint.save(tmp_path, learner, step=1, config="c")
    other = learner_of(tiny())
    assert checkpoint.restore(saved, other).learner_steps == 1


def test_another_model_is_refused(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, learner_of(tiny()), step=1, config="c")
    with pytest.raises(CheckpointError, match="another model"):
        checkpoint.restore(saved, learner_of(tiny(intermediate_size=64)))


def test_another_configuration_is_refused_unless_any_will_do(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    learner = learner_of(tiny())
    saved = checkpoint.save(tmp_path, learner, step=1, config="c")
    with pytest.raises(CheckpointError, match="another configuration"):
        checkpoint.restore(saved, learner, config="d")
    assert checkpoint.restore(saved, learner).config == "c"


@pytest.mark.parametrize("how", ["cut", "empty", "gone", "flipped"])
@pytest.mark.parametrize("name", ["model.safetensors", "optim.safetensors", "state.json"])
def test_damage_is_noticed_before_anything_changes(
    tiny: Any, learner_of: Any, learn: Any, tmp_path: Path, name: str, how: str
) -> None:
    learner = learner_of(tiny())
    learn(learner, 0, 1)
    saved = checkpoint.save(tmp_path, learner, step=1, config="c")
    if how == "gone":
        (saved / name).unlink()
    elif how == "flipped" and name == "state.json":
        (saved / name).write_text(json.dumps({"step": 1}))
    else:
        _damage(saved / name, how)
    fresh = learner_of(tiny(seed=4))
    before = {n: t.clone() for n, t in _everything(fresh).items()}
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        checkpoint.restore(saved, fresh)
    assert "\n" not in str(caught.value)
    assert str(saved) in str(caught.value)
    assert all(torch.equal(t, before[n]) for n, t in _everything(fresh).items())


def test_a_file_of_another_checkpoint_is_noticed(tiny: Any, learner_of: Any, learn: Any, tmp_path: Path) -> None:
    learner = learner_of(tiny())
    first = checkpoint.save(tmp_path, learner, step=1, config="c", keep=2)
    learn(learner, 0, 1)
    second = checkpoint.save(tmp_path, learner, step=2, config="c", keep=2)
    shutil.copy(first / "model.safetensors", second / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"checksum of model\.safetensors"):
        checkpoint.restore(second, learner)


def test_adapters_are_saved_alone(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    model = tiny()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("norm" in name)
    saved = checkpoint.save(tmp_path, learner_of(model), step=1, config="c")
    assert set(load_file(saved / "model.safetensors")) == {n for n, _ in model.named_parameters() if "norm" in n}
    assert load_file(saved / "optim.safetensors") == {}


FULL_DISK = """
import resource, sys, torch
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM
from agentrl.errors import StoreError
from agentrl.learn import checkpoint
from agentrl.learn.learner import Learner, Optim

folder, most = Path(sys.argv[1]), int(sys.argv[2])
config = LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
learner = Learner(LlamaForCausalLM(config), Optim(), total_steps=1)
checkpoint.save(folder, learner, step=1, config="c")
for master in learner.masters.values():
    master.grad = torch.ones_like(master)
learner.optimizer.step()
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    checkpoint.save(folder, learner, step=2, config="c")
except StoreError as error:
    print(error)
checkpoint.restore(checkpoint.latest(folder), learner, config="c")
print(sorted(p.name for p in folder.iterdir()))
"""


@pytest.mark.parametrize("most", [2_000, 30_000])  # the weights do not fit; the moments do not
def test_a_full_disk_is_one_line_and_the_earlier_checkpoint_stays(tmp_path: Path, most: int) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    message, left = done.stdout.strip().splitlines()
    assert message.startswith("cannot write checkpoint")
    assert message.endswith("earlier checkpoints are intact")
    assert "File too large" in message
    assert left == "['step_000001']"


def test_an_unwritable_folder_is_one_line(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="earlier checkpoints are intact"):
        checkpoint.save(tmp_path / "file", learner_of(tiny()), step=1, config="c")


def test_names_that_do_not_fit_are_damage_too(tiny: Any, learner_of: Any, tmp_path: Path) -> None:
    """Weights that are missing although every checksum holds: someone has edited the checkpoint."""
    learner = learner_of(tiny())
    saved = checkpoint.save(tmp_path, learner, step=1, config="c")
    weights = load_file(saved / "model.safetensors")
    weights.pop("lm_head.weight")
    save_file(weights, saved / "model.safetensors")
    state = json.loads((saved / "state.json").read_text())
    state["files"] = checkpoint._checksums(saved)
    (saved / "state.json").write_text(json.dumps(state))
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.restore(saved, learner)
