"""Knows which webhook endpoints have said that they are gone; of older ones nobody knows it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column."""
    op.add_column("webhook_endpoints", sa.Column("gone_at", sa.BigInteger().with_variant(sa.Integer, "sqlite")))
