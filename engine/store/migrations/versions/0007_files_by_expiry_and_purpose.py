"""Finds what has expired, and the files of a purpose, without going through all."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_files_expires_at", "files", ["expires_at"])
    op.create_index("ix_files_purpose_seq", "files", ["purpose", "seq"])
    op.create_index("ix_uploads_status_expires_at", "uploads", ["status", "expires_at"])
