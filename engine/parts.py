"""The parts of a running engine, made once from its settings and handed to whoever needs them."""

import threading
from dataclasses import dataclass, field

from engine.downloads import Downloads
from engine.files import Files
from engine.jobs import Jobs
from engine.models import Models
from engine.pulse import Pulse
from engine.reserve import Reserve
from engine.serving.pool import Pool
from engine.store import Store
from engine.token_counts import TokenCounts
from engine.uploads import Uploads
from engine.webhooks.endpoints import Endpoints


@dataclass(frozen=True)
class Parts:
    """What the routes and the worker share."""

    store: Store
    reserve: Reserve
    files: Files
    uploads: Uploads
    models: Models
    jobs: Jobs
    pool: Pool
    token_counts: TokenCounts
    webhooks: Endpoints
    downloads: Downloads
    result_encoding: str
    pulse: Pulse = field(default_factory=Pulse)
    stopping: threading.Event = field(default_factory=threading.Event)
