"""Uploads in parts, and files that expire."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add both."""
    op.add_column("files", sa.Column("expires_at", _BIG))
    op.create_table(
        "uploads",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, unique=True, nullable=False),
        sa.Column("bytes", _BIG, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG),
        sa.Column("file_lifetime", _BIG),
        sa.Column("file_id", sa.String),
    )
    op.create_table(
        "upload_parts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, unique=True, nullable=False),
        sa.Column("upload_id", sa.String, nullable=False, index=True),
        sa.Column("bytes", _BIG, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
    )
