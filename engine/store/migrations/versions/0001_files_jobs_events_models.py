"""Files, jobs, their events, models, and single facts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    _make_files()
    _make_jobs()
    _make_events()
    _make_models()


def _make_files() -> None:
    op.create_table(
        "files",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, unique=True, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("bytes", _BIG, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, unique=True, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("finished_at", _BIG),
        sa.Column("status", sa.String, nullable=False, index=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("base", sa.String, nullable=False),
        sa.Column("fine_tuned_model", sa.String),
        sa.Column("training_file", sa.String, nullable=False),
        sa.Column("validation_file", sa.String),
        sa.Column("suffix", sa.String),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("hyperparameters", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("trained_tokens", _BIG),
        sa.Column("result_file", sa.String),
        sa.Column("estimated_finish", _BIG),
        sa.Column("crashes", sa.Integer, nullable=False, default=0),
    )


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, unique=True, nullable=False),
        sa.Column("job_id", sa.String, nullable=False, index=True),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("level", sa.String, nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("data", sa.JSON),
        sa.Column("step", sa.Integer),
        sa.UniqueConstraint("job_id", "step"),
    )


def _make_models() -> None:
    op.create_table(
        "models",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, unique=True, nullable=False),
        sa.Column("job_id", sa.String, nullable=False, index=True),
        sa.Column("base", sa.String, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("adapter", sa.String, nullable=False),
        sa.Column("checkpoint_id", sa.String),
        sa.Column("step_number", sa.Integer),
        sa.Column("metrics", sa.JSON),
    )
    op.create_table(
        "facts", sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String, nullable=False)
    )
