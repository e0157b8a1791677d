"""What a fault of the engine's own turn is called, and what callers are told of it; who ends what is not known here."""

from engine import reserve
from engine.store import StoreError
from engine.store import is_full as store_is_full


def is_full(fault: Exception) -> bool:
    """Whether there was no room, for a file or for the database."""
    return reserve.is_full(fault) or store_is_full(fault)


def told(fault: Exception) -> tuple[str, str]:
    """Return the code and the message of a job that the engine failed; what a driver says is for the log alone."""
    words = "the log says how" if isinstance(fault, StoreError) else fault
    reason = f"The engine failed while it worked on this job: {type(fault).__name__}: {words}"
    return "disk_full" if is_full(fault) else "server_error", reason
