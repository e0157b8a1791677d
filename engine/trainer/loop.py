"""One training run from top to bottom: load, plan, epochs with checkpoints, finished adapter; it sets no numbers."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from engine import durable
from engine.trainer import checkpoints, data, lora, metrics, parity, precision, recipe, steps
from engine.trainer.base_model import load_model, load_tokenizer
from engine.trainer.crew import Crew
from engine.trainer.progress import Progress
from engine.trainer.spec import Spec

VALIDATE_EVERY = 10  # steps


@dataclass
class Run:
    """Everything one run holds in its hands."""

    spec: Spec
    job_dir: Path
    progress: Progress
    recipe: recipe.Recipe
    training: data.Dataset
    validation: list[list[data.Example]]  # batches
    tokenizer: Any
    model: Any
    optimizer: torch.optim.Optimizer
    state: checkpoints.State
    crew: Crew

    @property
    def pad_id(self) -> int:
        """Any id will do: no trained position ever looks at padding."""
        return int(self.tokenizer.pad_token_id or 0)


def train(spec: Spec, job_dir: Path, progress: Progress) -> None:
    """Train the job of `spec` to its end, going on from the newest complete checkpoint in `job_dir`."""
    precision.keep_memory()
    run = _prepare(spec, job_dir, progress)
    started = time.monotonic() - run.state.seconds
    while run.state.epoch < run.recipe.n_epochs:
        _epoch(run)
        run.state.seconds = time.monotonic() - started
        _checkpoint(run)
    _finish(run, started)


def _prepare(spec: Spec, job_dir: Path, progress: Progress) -> Run:
    tokenizer = load_tokenizer(spec.base)
    training = data.load(spec.training_file, tokenizer, spec.max_tokens)
    state, resumed = _begin_or_resume(spec, job_dir, len(training.examples))
    settled = recipe.Recipe(**state.recipe)
    validation = _validation_batches(spec, tokenizer, settled.batch_size)
    crew = Crew(spec.threads, settled.batch_size)
    arithmetic = precision.BY_NAME[state.precision]
    precision.use(arithmetic)
    model = lora.attach(load_model(spec.base, arithmetic.dtype, arithmetic.attention), spec.init_adapter, spec.seed)
    optimizer = steps.new_optimizer(model)
    if resumed:
        checkpoints.restore(resumed, model, optimizer)
    run = Run(spec, job_dir, progress, settled, training, validation, tokenizer, model, optimizer, state, crew)
    _announce(run, state.step if resumed else None)
    # The engine may have died before it had noted the steps that the checkpoint holds.
    for row in state.history:
        progress.send("step", total_steps=settled.total_steps, **row)
    return run


def _begin_or_resume(spec: Spec, job_dir: Path, examples: int) -> tuple[checkpoints.State, Path | None]:
    """A resumed run keeps its recipe and its arithmetic: settled or measured anew, others could come out."""
    resumed = checkpoints.latest(job_dir)
    if resumed:
        return checkpoints.read_state(resumed), resumed
    return checkpoints.State(precision.choose().name, asdict(recipe.settle(spec.requested, examples))), None


def _validation_batches(spec: Spec, tokenizer: Any, batch_size: int) -> list[list[data.Example]]:
    if spec.validation_file is None:
        return []
    examples = data.load(spec.validation_file, tokenizer, spec.max_tokens).examples
    order = recipe.batches([len(example) for example in examples], batch_size, spec.seed, epoch=0)
    return [[examples[row] for row in rows] for rows in order]


def _announce(run: Run, resumed_from: int | None) -> None:
    settled, training = run.recipe, run.training
    bare = _as_trained_in(training, epoch=1) != training.examples
    run.progress.send(
        "plan",
        examples=len(training.examples),
        tokens_per_epoch=training.tokens,
        n_epochs=settled.n_epochs,
        batch_size=settled.batch_size,
        learning_rate_multiplier=settled.learning_rate_multiplier,
        learning_rate=settled.peak_learning_rate,
        total_steps=settled.total_steps,
        precision=run.state.precision,
        truncated=training.truncated,
        resumed_from=resumed_from,
        message=recipe.in_words(
            settled, run.spec.requested, len(training.examples), training.truncated, bare, training.left_out
        ),
    )


def _epoch(run: Run) -> None:
    epoch = run.state.epoch + 1
    examples = _as_trained_in(run.training, epoch)
    lengths = [len(example) for example in examples]
    order = recipe.batches(lengths, run.recipe.batch_size, run.spec.seed, epoch)
    for rows in order:
        _step(run, [examples[row] for row in rows], last=rows is order[-1])
    run.state.epoch = epoch


def _as_trained_in(training: data.Dataset, epoch: int) -> list[data.Example]:
    if not training.bare:
        return training.examples
    count = len(training.examples)
    return [
        training.bare[row] if recipe.leaves_out_system(count, row, epoch) else training.examples[row]
        for row in range(count)
    ]


def _tokens_seen(training: data.Dataset, epochs: int) -> int:
    """Tokens that went through the model, padding apart: what a row loses without its system message is not counted."""
    return sum(len(example) for epoch in range(1, epochs + 1) for example in _as_trained_in(training, epoch))


def _step(run: Run, batch: list[data.Example], last: bool) -> None:
    state = run.state
    state.step += 1
    rate = recipe.learning_rate(run.recipe, state.step)
    score = steps.train_step(run.model, run.optimizer, rate, batch, run.pad_id, run.crew)
    row = {"step": state.step, "train_loss": score.loss, "train_mean_token_accuracy": score.accuracy}
    if run.validation and state.step % VALIDATE_EVERY == 0:
        turn = state.step // VALIDATE_EVERY % len(run.validation)
        row |= _scored("valid", steps.evaluate(run.model, [run.validation[turn]], run.pad_id, run.crew))
    if run.validation and last:
        row |= _scored("full_valid", steps.evaluate(run.model, run.validation, run.pad_id, run.crew))
    state.history.append(row)
    run.progress.send("step", total_steps=run.recipe.total_steps, **row)


def _scored(prefix: str, score: steps.Score) -> dict[str, Any]:
    return {f"{prefix}_loss": score.loss, f"{prefix}_mean_token_accuracy": score.accuracy}


def _checkpoint(run: Run) -> None:
    state = run.state
    entry = {
        "step": state.step,
        "epoch": state.epoch,
        "path": f"checkpoints/step-{state.step}",
        "metrics": state.history[-1],
    }
    state.checkpoints = [*state.checkpoints, entry][-checkpoints.KEPT :]
    checkpoints.save(run.job_dir, state, run.model, run.optimizer, run.spec.base.name)
    durable.write_text(run.job_dir / "metrics.csv", metrics.to_csv(state.history))
    run.progress.send("checkpoint", **entry)


def _finish(run: Run, started: float) -> None:
    run.model.eval()
    partial = run.job_dir / "adapter.partial"
    checkpoints.write_adapter(run.model, partial, run.spec.base.name)
    durable.move_folder(partial, run.job_dir / "adapter")
    found = parity.document(run.model, run.tokenizer, run.training.examples)
    durable.write_json(run.job_dir / "parity.json", found)
    settled = run.recipe
    result = {
        "trained_tokens": _tokens_seen(run.training, settled.n_epochs),
        "hyperparameters": {
            "n_epochs": settled.n_epochs,
            "batch_size": settled.batch_size,
            "learning_rate_multiplier": settled.learning_rate_multiplier,
        },
        "total_steps": settled.total_steps,
        "train_loss": run.state.history[-1]["train_loss"],
        "weights_moved": lora.movement(run.model),
        "checkpoints": run.state.checkpoints,
        "seconds": round(time.monotonic() - started, 2),
    }
    durable.write_json(run.job_dir / "result.json", result)
