"""The adapter: our quicker forward and backward are peft's, and adapters go from job to job."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from engine.trainer import lora
from engine.trainer.base_model import load_model
from engine.trainer.errors import UnsupportedBaseModel

IDS = torch.arange(3, 43).reshape(2, 20)


@pytest.fixture
def theirs_and_ours(tiny_gguf: Path) -> tuple[Any, Any]:
    """The same adapter, its B matrices away from zero, computed by peft and by us."""
    models = []
    for ours in (False, True):
        base = load_model(tiny_gguf, torch.float32, "sdpa")
        torch.manual_seed(5)
        config = LoraConfig(r=lora.RANK, lora_alpha=lora.ALPHA, target_modules="all-linear")
        model = lora.attach(base, None, seed=5) if ours else get_peft_model(base, config)
        torch.manual_seed(6)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                torch.nn.init.normal_(parameter, std=0.05)
        models.append(model)
    return models[0], models[1]


def test_our_forward_and_backward_are_those_of_peft(theirs_and_ours: tuple[Any, Any]) -> None:
    gradients = []
    for model in theirs_and_ours:
        logits = model(input_ids=IDS).logits
        logits.square().mean().backward()
        gradients.append((logits, {n: p.grad for n, p in model.named_parameters() if p.requires_grad}))
    (their_logits, their_gradients), (our_logits, our_gradients) = gradients
    torch.testing.assert_close(our_logits, their_logits)
    assert their_gradients.keys() == our_gradients.keys()
    for name, gradient in their_gradients.items():
        torch.testing.assert_close(our_gradients[name], gradient, msg=name)


def test_only_the_adapter_is_trained_and_a_seed_makes_it_the_same(tiny_gguf: Path) -> None:
    first, same, other = (lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed) for seed in (1, 1, 2))
    assert all(".lora_" in name for name, p in first.named_parameters() if p.requires_grad)
    for a, b, c in zip(lora.trainable(first), lora.trainable(same), lora.trainable(other), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c) or not a.any()


def test_the_first_layer_spares_gradients_that_nobody_needs(tiny_gguf: Path) -> None:
    model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
    hidden = model.get_base_model().model(input_ids=IDS, output_hidden_states=True).hidden_states[0]
    assert not hidden.requires_grad


def test_a_saved_adapter_goes_on_in_another_job(tiny_gguf: Path, tmp_path: Path) -> None:
    model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
    for parameter in lora.trainable(model):
        torch.nn.init.normal_(parameter)
    lora.save(model, tmp_path / "adapter", "tiny.gguf")
    again = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), tmp_path / "adapter", seed=2)
    torch.testing.assert_close(again(input_ids=IDS).logits, model(input_ids=IDS).logits)
    assert lora.movement(again) == pytest.approx(lora.movement(model))
    assert all(parameter.requires_grad for parameter in lora.trainable(again))


def test_an_adapter_that_is_a_pickle_is_refused(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnsupportedBaseModel, match=r"adapter_model\.safetensors"):
        lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), tmp_path, seed=1)
