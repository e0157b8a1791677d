"""Knows the call that completed an upload when it comes again; of what was completed before nobody knows it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("uploads", sa.Column("completed_by", sa.String))
