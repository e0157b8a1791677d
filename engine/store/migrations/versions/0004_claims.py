"""Who holds a job, under which fencing token, and how often it was heard of since."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the three columns."""
    op.add_column("jobs", sa.Column("owner", sa.String))
    op.add_column("jobs", sa.Column("fence", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("beats", sa.Integer, nullable=False, server_default="0"))
