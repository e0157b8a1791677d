"""What every trainer of TRL's is told alike here: to compute on the processor, at one rate, and to write nothing."""

from typing import Any

COMMON: dict[str, Any] = {
    "use_cpu": True,
    "lr_scheduler_type": "constant",
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
}
