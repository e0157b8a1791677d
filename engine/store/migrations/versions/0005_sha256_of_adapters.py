"""The sha256 of each model's adapter; models from before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("models", sa.Column("sha256", sa.String))
