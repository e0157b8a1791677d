"""What training on a file would take: its numbers, and epochs, cost and minutes; the file goes to an engine at most."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from services.client import Upstream, body_of
from services.failures import MARK, nonsense
from services.files import Incoming, upstream_name
from services.fine_tuning import FineTuning
from services.models import shut_down_on
from wire import auto
from wire.errors import ApiError, BadRequest, PayloadTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataprep.estimate import Epochs
    from dataprep.outlook import Counts

# A larger file takes an engine longer than it may (about a minute on two slow cores).
MAX_COUNTED_BYTES = 32 * 1024 * 1024
_UNPRICED = "the prices known here are OpenAI's, and the upstream is not OpenAI."
_EPOCHS = frozenset(map(str, range(1, 51)))
# What the event of an optimizer step carries.
_STEP = {"step", "total_steps"}


@dataclass
class _Told:
    """What the upstream says: tokens a second that it trains, an engine's count of the file, why either is missing."""

    speed: float | None = None
    counts: "Counts | None" = None
    failure: str = ""
    by_engine: bool = False


class Outlook:
    """Statistics and estimates; an engine counts by its own tokenizer, the newest of `jobs` tells its speed."""

    def __init__(self, upstream: Upstream, jobs: FineTuning, default_model: str, *, priced: bool) -> None:
        self._upstream = upstream
        self._jobs = jobs
        self._default_model = default_model
        self._priced = priced

    def acting_for(self, jobs: FineTuning) -> Self:
        """Return the same for another owner."""
        return type(self)(self._upstream, jobs, self._default_model, priced=self._priced)

    def look_ahead(self, file: Incoming, model: str = "", epochs: str = "") -> dict[str, Any]:
        """Return the entry of one file; `epochs` empty takes the upstream's rule for `auto`.

        Raises:
            BadRequest: 400, `epochs` is no whole number from 1 to 50.
        """
        from dataprep import outlook
        from dataprep.estimate import Price, load_prices

        if epochs and epochs not in _EPOCHS:
            message = f"Invalid value for 'epochs': '{epochs[:80]}'. It must be a whole number from 1 to 50."
            raise BadRequest(message, code="invalid_value", param="epochs")
        name = model or self._default_model
        prices = load_prices() if self._priced else {name: Price(name, note=_UNPRICED)}
        told = _Told() if self._priced else self._ask(file, name)
        rule = int(epochs) if epochs else _rule(file, by_engine=told.by_engine)
        file.stream.seek(0)
        found = outlook.look_ahead(file.stream, name, prices, rule, told.speed, told.counts).to_wire()
        if told.failure:
            found["counted"] += f"; the upstream did not count: {told.failure}"
        return {"filename": file.label, "size": file.size, "response": found}

    def _ask(self, file: Incoming, model: str) -> _Told:
        told = _Told()
        try:
            told.by_engine = self.is_engine()
            told.speed = self._measured_speed()
            self._jobs.require_model(model)
            told.counts = self._counted_by_engine(file, model) if told.by_engine else None
        except ApiError as failure:  # an estimate is no reason to fail
            uncounted = failure.status == 404 and failure.code != "model_not_found"  # a server without the call
            told.failure = "" if uncounted else failure.message
        return told

    @property
    def is_openai(self) -> bool:
        """Whether the upstream is OpenAI's own, whose prices and dates are known."""
        return self._priced

    def trainable(self, models: Sequence[str], today: date) -> list[str]:
        """Return the models that may be trained, as far as is known: of OpenAI those with a price that still live."""
        from dataprep.estimate import example_limit, load_prices

        if not self._priced:
            return list(models)
        prices = load_prices()
        known = [model for model in models if example_limit(model, prices) is not None]
        return [model for model in known if (shut_down_on(model) or date.max) > today]

    def is_engine(self) -> bool:
        """Whether the upstream is an engine of ours; nobody else is sent a file that is only to be looked at."""
        import httpx2

        try:
            with self._upstream.call() as client:
                return MARK in client.get("/models", cast_to=httpx2.Response).headers
        except ApiError as failure:
            if failure.status == 404:  # a server without the call
                return False
            raise

    def _counted_by_engine(self, file: Incoming, model: str) -> "Counts":
        import httpx2

        from dataprep.outlook import Counts

        if file.size > MAX_COUNTED_BYTES:
            raise PayloadTooLarge(f"the file is over {MAX_COUNTED_BYTES // 2**20} MB.")
        with self._upstream.call(self._upstream.address.whole) as client:
            answer = client.post(
                "/token_counts",
                cast_to=httpx2.Response,
                body={"model": model},
                files=[("file", (upstream_name(file.label), file.stream))],
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )
        told = body_of(answer)
        by = f"by the tokenizer of {told.get('model')}, as the trainer renders it"
        return Counts(_whole_numbers(told, "tokens"), _whole_numbers(told, "answer_tokens"), by)

    def _measured_speed(self) -> float | None:
        """Tokens a second of the newest succeeded job."""
        try:
            for job in self._jobs.page({"limit": 100})["data"]:
                if job.get("status") == "succeeded" and job.get("trained_tokens") and job.get("finished_at"):
                    return speed_of(job, self._jobs.events(job["id"], {"limit": 1000})["data"])
        except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError):
            return None  # not the engine's shapes
        return None


def _rule(file: Incoming, *, by_engine: bool) -> "Callable[[int], Epochs]":
    """How many epochs the upstream makes of `auto`: an engine of ours by its own rule, others by OpenAI's."""
    from dataprep.estimate import estimate_epochs
    from dataprep.methods import method_of

    file.stream.seek(0)
    return partial(_epochs_of_engine, pairs=method_of(file.stream) == "dpo") if by_engine else estimate_epochs


def _epochs_of_engine(rows: int, *, pairs: bool) -> "Epochs":
    from dataprep.estimate import Epochs

    batch = auto.batch_size(rows)
    steps = max(1, math.ceil(rows / batch))
    epochs = auto.epochs_of_pairs(rows, steps) if pairs else auto.epochs(rows, steps)
    what = "pairs" if pairs else "chats"
    return Epochs(epochs, f"the engine's rule for {what}, {steps} steps an epoch in batches of {batch}: {epochs}")


def speed_of(job: dict[str, Any], events: list[dict[str, Any]]) -> float:
    """Return how many tokens a second a job trained between the first and the last of these steps, newest first.

    Without two steps a second apart it is from the job's creation to its end: rather too few than too many.
    """
    tokens, seconds = float(job["trained_tokens"]), float(job["finished_at"] - job["created_at"])
    data = [(one["created_at"], one["data"]) for one in events if isinstance(one.get("data"), dict)]
    steps = [one for one in data if one[1].keys() >= _STEP]
    if steps:
        (ended, last), (began, first) = steps[0], steps[-1]
        if ended > began and last["step"] > first["step"]:
            tokens *= (last["step"] - first["step"]) / last["total_steps"]
            seconds = ended - began
    return tokens / max(1.0, seconds)


def _whole_numbers(told: dict[str, Any], name: str) -> list[int]:
    numbers = told.get(name)
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise nonsense(f"its '{name}' are no whole numbers")
    return numbers
