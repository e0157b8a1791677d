"""One training run from top to bottom: load, plan, epochs with checkpoints, finished adapter; it sets no numbers."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine import durable
from engine.trainer import (
    checkpoints,
    data,
    epochs,
    lora,
    metrics,
    outcome,
    parity,
    precision,
    preference,
    preflight,
    recipe,
    rehearsal,
    steps,
)
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
    training: data.Dataset[Any]
    validation: list[list[Any]]  # batches
    tokenizer: Any
    objective: steps.Objective
    optimizer: torch.optim.Optimizer
    state: checkpoints.State
    crew: Crew
    rehearsed: rehearsal.Rehearsal = rehearsal.NONE
    began: float = 0.0  # by the monotonic clock, as if nothing had ever stopped the run
    saved: float = 0.0  # when its last checkpoint was written

    @property
    def model(self) -> Any:
        """The base model with its adapter."""
        return self.objective.model


def train(spec: Spec, job_dir: Path, progress: Progress) -> None:
    """Train the job of `spec` to its end, going on from the newest complete checkpoint in `job_dir`."""
    precision.keep_memory()
    run = _prepare(spec, job_dir, progress)
    run.saved = time.monotonic()
    run.began = run.saved - run.state.seconds
    while run.state.epoch < run.recipe.n_epochs:
        _epoch(run)
        _checkpoint(run)
    _finish(run)


def _prepare(spec: Spec, job_dir: Path, progress: Progress) -> Run:
    tokenizer = load_tokenizer(spec.base)
    files = (spec.training_file, spec.validation_file)
    training, valid = (_load(file, spec, tokenizer, progress) for file in files)
    state, resumed = _begin_or_resume(spec, job_dir, len(training.examples))
    settled = recipe.Recipe(**state.recipe)
    crew = Crew(spec.threads, settled.batch_size, progress.working)
    arithmetic = precision.BY_NAME[state.precision]
    precision.use(arithmetic)
    preflight.check_base(spec.base, arithmetic.dtype, preflight.free_memory())
    model = lora.attach(load_model(spec.base, arithmetic.dtype, arithmetic.attention), spec.init_adapter, spec.seed)
    objective = _objective(model, tokenizer, settled)
    optimizer = steps.new_optimizer(model)
    run = Run(spec, job_dir, progress, settled, training, [], tokenizer, objective, optimizer, state, crew)
    forecast = None if resumed else preflight.probe(objective, training.examples, crew)
    if forecast:
        _fit(run, forecast)
    if spec.rehearses and isinstance(objective, steps.Supervised):
        taught = {one.prompt for one in (*training.examples, *training.bare)}
        run.rehearsed = rehearsal.prepare(objective, tokenizer, spec.max_tokens, run.crew, taught)
    _announce(run, state.step if resumed else None)
    progress.send("pace", step_seconds=_foresee(run, forecast) if forecast else state.seconds / state.step)
    _set_out(run, valid, resumed)
    return run


def _set_out(run: Run, valid: data.Dataset[Any], resumed: Path | None) -> None:
    """Stand where the run began or was stopped."""
    if isinstance(run.objective, preference.Preference):
        # Before a checkpoint is put back: the reference is the model as the job found it.
        both = (run.training, valid)
        run.training, valid = preference.refer_all(run.objective, both, run.job_dir / "reference.json", run.crew)
    if resumed:
        checkpoints.restore(resumed, run.model, run.optimizer)
    run.validation = epochs.batches(valid, run.recipe.batch_size, run.spec.seed, epoch=0)
    # The engine may have died before it had noted the steps that the checkpoint holds.
    for row in run.state.history:
        run.progress.send("step", total_steps=run.recipe.total_steps, **row)


def _foresee(run: Run, forecast: preflight.Forecast) -> float:
    """Tell what the run needs; return the seconds of a step."""
    foreseen = preflight.foresee(forecast, _plan(run), preflight.free_room(run.job_dir))
    run.progress.send("preflight", **foreseen)
    return float(foreseen["seconds"]) / run.recipe.total_steps


def _load(path: Path | None, spec: Spec, tokenizer: Any, progress: Progress) -> data.Dataset[Any]:
    if path is None:
        return data.Dataset([], [], 0, 0)
    load = preference.load if spec.method == "dpo" else data.load
    return load(path, tokenizer, spec.max_tokens, progress.working)


def _objective(model: Any, tokenizer: Any, settled: recipe.Recipe) -> steps.Objective:
    pad_id = int(tokenizer.pad_token_id or 0)  # any id will do: no trained position ever looks at padding
    if settled.beta is None:
        return steps.Supervised(model, pad_id)
    return preference.Preference(model, pad_id, settled.beta)


def _begin_or_resume(spec: Spec, job_dir: Path, examples: int) -> tuple[checkpoints.State, Path | None]:
    """A resumed run keeps its recipe: settled anew, another could come out."""
    resumed = checkpoints.latest(job_dir)
    if resumed:
        return checkpoints.read_state(resumed), resumed
    pairs = spec.method == "dpo"
    settled = recipe.settle(spec.requested, examples, pairs)
    return checkpoints.State(_arithmetic(job_dir / "precision.json", exact_only=pairs), asdict(settled)), None


def _arithmetic(path: Path, exact_only: bool) -> str:
    """Measure it once a job, not at each start: what a first start has told and kept must go on in the same."""
    if not path.exists():
        durable.write_json(path, precision.choose(exact_only).name)
    return str(durable.read_json(path))


def _fit(run: Run, forecast: preflight.Forecast) -> None:
    """Take smaller batches than `auto` would, if those do not fit into the free memory."""
    requested, room = run.spec.requested, preflight.free_room(run.job_dir)
    rows = preflight.rows_that_fit(room, _plan(run), forecast.memory)
    if requested.batch_size is None and rows < run.recipe.batch_size:
        fitting = replace(requested, batch_size=max(1, rows))
        run.recipe = recipe.settle(fitting, len(run.training.examples), run.recipe.beta is not None)
        run.state.recipe, run.crew = (
            asdict(run.recipe),
            Crew(run.spec.threads, run.recipe.batch_size, run.progress.working),
        )


def _announce(run: Run, resumed_from: int | None) -> None:
    settled, training = run.recipe, run.training
    bare = epochs.as_trained_in(training, epoch=1) != training.examples
    cut = recipe.cut_in_words(training.truncated, training.left_out)
    cut += recipe.shrunk_in_words(settled, run.spec.requested, len(training.examples)) + run.rehearsed.in_words()
    run.progress.send(
        "plan",
        examples=len(training.examples),
        tokens_per_epoch=training.tokens,
        **settled.hyperparameters,
        learning_rate=settled.peak_learning_rate,
        total_steps=settled.total_steps,
        precision=run.state.precision,
        truncated=training.truncated,
        resumed_from=resumed_from,
        message=recipe.in_words(settled, run.spec.requested, len(training.examples), cut, bare),
    )


def _plan(run: Run) -> preflight.Plan:
    lengths = [run.objective.longest(one) for one in run.training.examples]
    tokens = epochs.tokens_seen(run.training, run.recipe.n_epochs) + run.rehearsed.tokens(run.recipe.total_steps)
    referred = run.training.tokens if run.recipe.beta is not None else 0
    return preflight.Plan(lengths, run.recipe.batch_size, run.recipe.total_steps, run.training.tokens, tokens, referred)


def _epoch(run: Run) -> None:
    """Train an epoch, or what is left of it: a run may go on from amid one."""
    state, epoch = run.state, run.state.epoch + 1
    batches = epochs.batches(run.training, run.recipe.batch_size, run.spec.seed, epoch)
    for batch in batches[state.step - state.epoch * len(batches) :]:
        last = batch is batches[-1]
        _step(run, batch, last)
        if not last and time.monotonic() - run.saved >= checkpoints.SECONDS:
            _save(run)
            run.progress.send("saved", step=state.step)
    state.epoch = epoch


def _step(run: Run, batch: list[Any], last: bool) -> None:
    state = run.state
    state.step += 1
    rate = recipe.learning_rate(run.recipe, state.step)
    score = steps.train_step(run.objective, run.optimizer, rate, batch, run.crew, run.rehearsed.losses(state.step))
    row = {"step": state.step, **_scored("train", score)}
    if run.validation and state.step % VALIDATE_EVERY == 0:
        turn = state.step // VALIDATE_EVERY % len(run.validation)
        row |= _scored("valid", steps.evaluate(run.objective, [run.validation[turn]], run.crew))
    if run.validation and last:
        row |= _scored("full_valid", steps.evaluate(run.objective, run.validation, run.crew))
    state.history.append(row)
    run.progress.send("step", total_steps=run.recipe.total_steps, **row)


def _scored(prefix: str, score: steps.Score) -> dict[str, Any]:
    shown = {"loss": score.loss, "mean_token_accuracy": score.accuracy, **score.also}
    return {f"{prefix}_{name}": value for name, value in shown.items()}


def _checkpoint(run: Run) -> None:
    state = run.state
    entry = {
        "step": state.step,
        "epoch": state.epoch,
        "path": f"checkpoints/step-{state.step}",
        "metrics": state.history[-1],
    }
    state.checkpoints = [*state.checkpoints, entry][-checkpoints.KEPT :]
    _save(run)
    durable.write_text(run.job_dir / "metrics.csv", metrics.to_csv(state.history))
    run.progress.send("checkpoint", **entry)


def _save(run: Run) -> None:
    run.state.seconds = time.monotonic() - run.began
    checkpoints.save(run.job_dir, run.state, run.model, run.optimizer, run.spec.base.name)
    run.saved = time.monotonic()


def _figures(run: Run, answers: list[dict[str, Any]], shown: Sequence[data.Example]) -> outcome.Figures:
    """Ask for the first batch's rows once more, shared among the crew as in the first step."""
    first = epochs.batches(run.training, run.recipe.batch_size, run.spec.seed, epoch=1)[0]
    last_loss = steps.evaluate(run.objective, run.crew.share(first), run.crew).loss
    changed = sum(not answer["as_base"] for answer in answers)
    return outcome.Figures(
        first_loss=run.state.history[0]["train_loss"],
        last_loss=last_loss,
        weights_moved=lora.movement(run.model, run.spec.init_adapter),
        answers=len(answers),
        changed=changed,
        told_apart=changed > 0 or parity.is_told_apart(run.model, shown),
    )


def _finish(run: Run) -> None:
    run.model.eval()
    shown = [getattr(one, "preferred", one) for one in run.training.examples]
    found = parity.document(run.model, run.tokenizer, shown)
    figures = _figures(run, found["rows"], shown)
    judged = outcome.judge(figures, run.state.history)
    partial = run.job_dir / "adapter.partial"
    checkpoints.write_adapter(run.model, partial, run.spec.base.name)
    durable.move_folder(partial, run.job_dir / "adapter")
    durable.write_json(run.job_dir / "parity.json", found)
    settled = run.recipe
    result = {
        "trained_tokens": epochs.tokens_seen(run.training, settled.n_epochs),
        "hyperparameters": settled.hyperparameters,
        "total_steps": settled.total_steps,
        "train_loss": run.state.history[-1]["train_loss"],
        "weights_moved": figures.weights_moved,
        "outcome": {**asdict(judged), "data": asdict(figures)},
        "checkpoints": run.state.checkpoints,
        "seconds": round(time.monotonic() - run.began, 2),
    }
    durable.write_json(run.job_dir / "result.json", result)
