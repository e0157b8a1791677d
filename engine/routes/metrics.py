"""`GET /metrics`: how long the queue is and what is loaded, in Prometheus' text format; OpenAI has no such call."""

from collections.abc import Iterator

from flask import Blueprint, Response

import sandbox
from engine import lifecycle
from engine.parts import Parts
from engine.routes import parts
from observe.metrics import CONTENT_TYPE, gauge, process_lines, text

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """Return jobs by state, models in memory, the loops' turns, the sandbox, and what is known of the process."""
    return Response(text(*_gauges(parts()), process_lines()), content_type=CONTENT_TYPE)


def _gauges(of: Parts) -> Iterator[Iterator[str]]:
    jobs = dict.fromkeys(lifecycle.STATES, 0) | of.store.jobs_by_status()
    yield gauge("tune9527_engine_jobs", "Fine-tuning jobs, by state.", jobs, "status")
    yield gauge("tune9527_engine_models_loaded", "Processes that serve models.", len(of.pool.processes()))
    yield gauge("tune9527_engine_turn_seconds", "Seconds since a loop began a turn.", of.pulse.ages(), "loop")
    yield gauge("tune9527_engine_sandbox", "1 if trainers and model servers run in bubblewrap.", sandbox.stands())
