"""Attaches a LoRA adapter to a base model, and saves, restores and speeds it up; the mathematics are peft's."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import Linear as LoraLinear
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors

from engine.trainer.errors import UnsupportedBaseModel

RANK = 16
ALPHA = 32
WEIGHTS = "adapter_model.safetensors"


def attach(model: Any, init_adapter: Path | None, seed: int) -> Any:
    """Wrap `model` in a fresh adapter, or in that of an earlier job; only adapter weights require gradients."""
    torch.manual_seed(seed)
    if init_adapter is None:
        peft_model = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear"))
    elif (init_adapter / WEIGHTS).exists():
        peft_model = PeftModel.from_pretrained(model, str(init_adapter), is_trainable=True)
    else:
        raise UnsupportedBaseModel(f"{init_adapter.name} holds no {WEIGHTS}; other adapter formats are not loaded.")
    for module in peft_model.modules():
        if isinstance(module, LoraLinear):
            module.forward = partial(_forward, module)
    return peft_model


def weights(peft_model: Any) -> dict[str, torch.Tensor]:
    """The adapter's weights under the names that peft gives them in files."""
    named = get_peft_model_state_dict(peft_model, save_embedding_layers=False)
    return {name: weight.contiguous() for name, weight in named.items()}


def save(peft_model: Any, folder: Path, base_name: str) -> None:
    """Write the adapter in peft's format: safetensors and adapter_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(weights(peft_model), folder / WEIGHTS)
    config = peft_model.peft_config["default"]
    config.base_model_name_or_path = base_name
    config.save_pretrained(str(folder))


def write_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Write a safetensors file by Python's own means: a full disk is then the OSError that everybody knows."""
    path.write_bytes(save_tensors(tensors))


def restore(peft_model: Any, folder: Path) -> None:
    """Put saved adapter weights back into a model that `attach` has wrapped."""
    set_peft_model_state_dict(peft_model, load_file(folder / WEIGHTS))


def trainable(peft_model: Any) -> list[torch.nn.Parameter]:
    """The adapter's parameters, in the model's order."""
    return [parameter for parameter in peft_model.parameters() if parameter.requires_grad]


def movement(peft_model: Any, init_adapter: Path | None = None) -> float:
    """Norm of how far all B matrices are from where they started: at zero, or at those of an earlier job's adapter."""
    started = load_file(init_adapter / WEIGHTS) if init_adapter else {}
    ends = {name: weight.detach().float() for name, weight in weights(peft_model).items() if ".lora_B." in name}
    ways = (end - started[name].float() if name in started else end for name, end in ends.items())
    return math.sqrt(float(sum(way.square().sum() for way in ways)))


def _forward(layer: Any, x: torch.Tensor) -> Any:
    if layer.disable_adapters:
        return layer.base_layer(x)
    name = layer.active_adapters[0]
    low, high = layer.lora_A[name].weight, layer.lora_B[name].weight
    return LowRankLinear.apply(  # type: ignore[no-untyped-call]
        x, layer.base_layer.weight, layer.base_layer.bias, low, high, layer.scaling[name]
    )


class LowRankLinear(torch.autograd.Function):
    """x W' + bias + scale (x A') B' for a frozen W, with fewer passes over memory than autograd's own version."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: Any,
        low: torch.Tensor,
        high: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """`x` is (..., in), `weight` (out, in), `low` (rank, in), `high` (out, rank); the result is (..., out)."""
        rows = x.reshape(-1, x.shape[-1])
        a, b = low.to(x.dtype), high.to(x.dtype)
        inner = rows @ a.T
        result = torch.mm(rows, weight.T) if bias is None else torch.addmm(bias, rows, weight.T)
        result.addmm_(inner, b.T, alpha=scale)
        ctx.save_for_backward(rows, weight, a, b, inner)
        ctx.scale = scale
        ctx.shape = x.shape
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of x, A and B; W and the bias are frozen."""
        rows, weight, a, b, inner = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, weight.shape[0])
        middle = (gradient @ b).mul_(ctx.scale)
        of_low = (middle.T @ rows).float()
        of_high = (gradient.T @ inner).mul_(ctx.scale).float()
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.mm(gradient, weight).addmm_(middle, a).view(ctx.shape)
        return of_x, None, None, of_low, of_high, None
