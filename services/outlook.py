"""What training on a file would take: its numbers, and epochs, cost and minutes; the file stays here."""

from typing import Any

from services.files import Incoming
from services.fine_tuning import FineTuning
from wire.errors import ApiError, BadRequest


class Outlook:
    """Statistics and estimates; on an engine the minutes follow from the newest job that succeeded there."""

    def __init__(self, jobs: FineTuning, default_model: str, *, priced: bool) -> None:
        self._jobs = jobs
        self._default_model = default_model
        self._priced = priced

    def look_ahead(self, file: Incoming, model: str = "", epochs: str = "") -> dict[str, Any]:
        """Return the entry of one file; `epochs` empty takes the rule of thumb.

        Raises:
            BadRequest: 400, `epochs` is no whole number from 1 to 50.
        """
        from dataprep import outlook
        from dataprep.estimate import load_prices

        if epochs and not (epochs.isascii() and epochs.isdigit() and 1 <= int(epochs[:3]) <= 50):
            message = f"Invalid value for 'epochs': '{epochs[:80]}'. It must be a whole number from 1 to 50."
            raise BadRequest(message, code="invalid_value", param="epochs")
        speed = None if self._priced else self._measured_speed()
        prices = load_prices() if self._priced else {}
        found = outlook.look_ahead(
            file.stream, model or self._default_model, prices, int(epochs) if epochs else None, speed
        )
        return {"filename": file.label, "size": file.size, "response": found.to_wire()}

    def _measured_speed(self) -> float | None:
        """Tokens a second of the newest succeeded job, from its creation to its end: rather too few than too many."""
        try:
            jobs = self._jobs.page({"limit": 100})["data"]
        except (ApiError, KeyError):
            return None  # an estimate is no reason to fail
        for job in jobs:
            if job.get("status") == "succeeded" and job.get("trained_tokens") and job.get("finished_at"):
                seconds: int = max(1, job["finished_at"] - job["created_at"])
                return float(job["trained_tokens"]) / seconds
        return None
