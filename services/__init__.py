"""The verbs of the service over the openai SDK, free of Flask; what a reply looks like is not decided here."""

from dataclasses import dataclass

from services.chat import Chat
from services.client import Upstream
from services.datasets import Datasets
from services.files import Files
from services.fine_tuning import FineTuning
from services.outlook import Outlook


@dataclass(frozen=True)
class Services:
    """Everything the routes may call; one set for each app."""

    upstream: Upstream
    files: Files
    datasets: Datasets
    outlook: Outlook
    fine_tuning: FineTuning
    chat: Chat
