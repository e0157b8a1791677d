"""Checkpoints of a run: everything needed to go on from a step as if nothing had happened.

Those at an epoch's end are listed in the state, and become models; of the others only the newest is kept. Nothing
random is kept but the seed: batch order is a function of seed and epoch, and the adapter has no dropout.
"""

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from engine import durable
from engine.trainer import lora
from engine.trainer.export import write_gguf_lora

KEPT = 3  # adapters of the last epochs, as OpenAI keeps them
SECONDS = 60.0  # amid an epoch: what a kill costs at most
MARKER = "complete.json"
OPTIMIZER = "optimizer.safetensors"
GGUF = "adapter.gguf"


@dataclass
class State:
    """How far a run has come."""

    precision: str
    recipe: dict[str, Any]  # hyperparameters as settled when the run began
    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)  # one metrics row per step
    checkpoints: list[dict[str, Any]] = field(default_factory=list)  # step, epoch, path, metrics; newest last

    @property
    def listed(self) -> list[int]:
        """The steps of those checkpoints that become models."""
        return [entry["step"] for entry in self.checkpoints]


def latest(job_dir: Path) -> Path | None:
    """The newest complete checkpoint; incomplete ones are removed on the way."""
    complete = []
    for folder in (job_dir / "checkpoints").glob("step-*"):
        if (folder / MARKER).exists():
            complete.append(folder)
        else:
            shutil.rmtree(folder)
    return max(complete, key=_step_of, default=None)


def read_state(folder: Path) -> State:
    """The state kept in a complete checkpoint."""
    return State(**durable.read_json(folder / MARKER))


def write_adapter(peft_model: Any, folder: Path, base_name: str) -> None:
    """Write the adapter in peft's format and as llama.cpp's GGUF."""
    lora.save(peft_model, folder, base_name)
    alpha = peft_model.peft_config["default"].lora_alpha
    config = peft_model.get_base_model().config
    write_gguf_lora(lora.weights(peft_model), alpha, config, folder / GGUF)


def save(job_dir: Path, state: State, peft_model: Any, optimizer: torch.optim.Optimizer, base_name: str) -> None:
    """Write the checkpoint of `state.step`, complete marker last, and drop what older ones no longer need."""
    folder = job_dir / "checkpoints" / f"step-{state.step}"
    if state.step in state.listed:
        write_adapter(peft_model, folder, base_name)
    else:
        lora.save(peft_model, folder, base_name)
    tensors = {
        f"{index}.{name}": value
        for index, parameter in enumerate(lora.trainable(peft_model))
        for name, value in optimizer.state[parameter].items()
    }
    lora.write_tensors(tensors, folder / OPTIMIZER)
    durable.sync_files(folder)
    durable.sync_folder(folder.parent)
    durable.write_json(folder / MARKER, asdict(state))
    _prune(job_dir, folder, state.listed)


def restore(folder: Path, peft_model: Any, optimizer: torch.optim.Optimizer) -> None:
    """Load adapter and optimizer from a complete checkpoint."""
    lora.restore(peft_model, folder)
    tensors = load_file(folder / OPTIMIZER)
    for index, parameter in enumerate(lora.trainable(peft_model)):
        prefix = f"{index}."
        optimizer.state[parameter] = {
            name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)
        }


def _prune(job_dir: Path, newest: Path, listed: list[int]) -> None:
    for folder in (job_dir / "checkpoints").glob("step-*"):
        if folder == newest:
            continue
        if _step_of(folder) in listed:
            (folder / OPTIMIZER).unlink(missing_ok=True)
        else:
            (folder / MARKER).unlink(missing_ok=True)
            shutil.rmtree(folder)


def _step_of(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))
