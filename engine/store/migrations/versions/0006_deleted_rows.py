"""The places that deleted rows had in their lists; what was deleted before has none."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "deleted_rows",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("list", sa.String, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
    )
