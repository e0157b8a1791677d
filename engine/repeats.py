"""Which job a request means that comes again after its reply was lost (wire reference 6.1); it creates none."""

from collections.abc import Callable
from typing import NamedTuple

from engine import lifecycle
from engine.store import JOBS, Record, Store, StoreError
from wire.idempotency import key_reused, refuse_bad_key

RETRY_SECONDS = 900
"""How old the job of an SDK's retry may be: the SDKs wait ten minutes for a reply, unless told otherwise."""


class Call(NamedTuple):
    """How a job was asked for: by whose key ("": no key of anybody's), and how the caller tells that they ask again."""

    caller: str = ""
    key: str | None = None
    is_retry: bool = False


def name_of(call: Call, request_hash: str) -> str:
    """Return what calls have in common of which one may be another's repetition."""
    return f"{call.caller} {call.key or request_hash}"


def once(store: Store, call: Call, request_hash: str, now: int, begin: Callable[[], Record]) -> Record:
    """Return the row of the call's job: that of `earlier`, else what `begin` returns; raises as both do.

    Another engine on the same database may have begun it meanwhile, or its beginning be kept and the answer lost.
    """
    if job := earlier(store, call, request_hash, now):
        return job
    try:
        return begin()
    except StoreError:
        if job := earlier(store, call, request_hash, now):
            return job
        raise


def earlier(store: Store, call: Call, request_hash: str, now: int) -> Record | None:
    """Return the row of the job that the call asked for before; None if there is none, or it cannot be told.

    A retry without a key means the newest job of an equal body, unless that is old or cancelled: who cancels a job and
    asks for it anew wants a new one.

    Raises:
        ApiError: 400 invalid_idempotency_key; 422 idempotency_key_reused, it came with another body.
    """
    if call.key is not None:
        refuse_bad_key(call.key)
        job = store.one(JOBS, caller=call.caller, idempotency_key=call.key)
        if job is not None and job["request_hash"] != request_hash:
            raise key_reused()
        return job
    same = store.newest(JOBS, 1, caller=call.caller, request_hash=request_hash) if call.is_retry else []
    recent = (job for job in same if job["created_at"] >= now - RETRY_SECONDS)
    return next((job for job in recent if job["status"] != lifecycle.CANCELLED), None)
