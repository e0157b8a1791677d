"""The engine's facts in a database, and the steps from one version of its tables to the next."""

from engine.store.claims import Claim, ClaimLost, Holding
from engine.store.copies import copy_file
from engine.store.database import Place, Record, Store, StoreError
from engine.store.migration import NewerSchema
from engine.store.rows import is_full, is_unreachable
from engine.store.tables import (
    EVENTS,
    FACTS,
    FILES,
    JOBS,
    MODELS,
    PARTS,
    UPLOADS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_EVENTS,
)

__all__ = [
    "EVENTS",
    "FACTS",
    "FILES",
    "JOBS",
    "MODELS",
    "PARTS",
    "UPLOADS",
    "WEBHOOK_DELIVERIES",
    "WEBHOOK_ENDPOINTS",
    "WEBHOOK_EVENTS",
    "Claim",
    "ClaimLost",
    "Holding",
    "NewerSchema",
    "Place",
    "Record",
    "Store",
    "StoreError",
    "copy_file",
    "is_full",
    "is_unreachable",
]
