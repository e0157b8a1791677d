"""The verbs of the service over the openai SDK, free of Flask; what a reply looks like is not decided here."""

from dataclasses import dataclass, replace
from typing import Self

from services.chat import Chat
from services.client import Upstream
from services.compare import Compare
from services.datasets import Datasets
from services.files import Files
from services.fine_tuning import FineTuning
from services.jobs import Jobs
from services.outlook import Outlook
from services.registry import Registry
from wire.requests import JobCreate


@dataclass(frozen=True)
class Services:
    """Everything the routes may call; one set for each app."""

    upstream: Upstream
    files: Files
    datasets: Datasets
    outlook: Outlook
    fine_tuning: FineTuning
    chat: Chat
    jobs: Jobs
    models: Registry
    compare: Compare

    def warm(self) -> None:
        """Import what the first calls would wait for."""
        self.datasets.warm()
        self.upstream.warm()

    def acting_for(self, owner: str) -> Self:
        """Return the same services for one key's owner, who sees and uses their own alone; "" is everybody's."""
        if not owner:
            return self
        known = self.fine_tuning.acting_for(owner)
        files = self.files.acting_for(owner, known.result_files)
        theirs = replace(
            self,
            files=files,
            datasets=self.datasets.sending_to(files),
            outlook=self.outlook.acting_for(known),
            fine_tuning=known,
            jobs=self.jobs.acting_for(known, files),
            models=self.models.acting_for(owner, known),
            compare=self.compare.acting_for(known),
        )
        return replace(theirs, fine_tuning=known.requiring(theirs._require_own))

    def _require_own(self, wanted: JobCreate) -> None:
        """Refuse a job on files or a model of somebody else as on ones that do not exist."""
        self.files.require(wanted.training_file, "training_file")
        if wanted.validation_file:
            self.files.require(wanted.validation_file, "validation_file")
        self.fine_tuning.require_model(wanted.model)
