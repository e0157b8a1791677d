"""`GET /metrics`: how long the queue is and what is loaded, in Prometheus' text format; OpenAI has no such call."""

from flask import Blueprint, Response

import sandbox
from engine import lifecycle
from engine.routes import parts
from observe.metrics import CONTENT_TYPE, gauge, process_lines, text

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """Return jobs by state, models in memory, the loops' turns, the sandbox, and what is known of the process."""
    jobs = dict.fromkeys(lifecycle.STATES, 0) | parts().store.jobs_by_status()
    page = text(
        gauge("tune9527_engine_jobs", "Fine-tuning jobs, by state.", jobs, "status"),
        gauge("tune9527_engine_models_loaded", "Processes that serve models.", len(parts().pool.processes())),
        gauge("tune9527_engine_turn_seconds", "Seconds since a loop began a turn.", parts().pulse.ages(), "loop"),
        gauge("tune9527_engine_sandbox", "1 if trainers and model servers run in bubblewrap.", sandbox.stands()),
        process_lines(),
    )
    return Response(page, content_type=CONTENT_TYPE)
