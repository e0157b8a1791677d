"""Knows the call that created a job when it comes again; of older jobs nobody knows it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns and their indexes."""
    for name in ("caller", "idempotency_key", "request_hash"):
        op.add_column("jobs", sa.Column(name, sa.String))
    op.create_index("ix_jobs_caller_idempotency_key", "jobs", ["caller", "idempotency_key"], unique=True)
    op.create_index("ix_jobs_request_hash", "jobs", ["request_hash"])
