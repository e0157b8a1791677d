"""The engine's tables, as they are now; `versions` says how they came about."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)


class Text(TypeDecorator[str]):
    """Text; PostgreSQL knows no NUL, so that a name with one is kept and looked for with a sign in its place."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return what is sent to the database."""
        return value.replace("\0", "\ufffd") if value and dialect.name == "postgresql" else value


# Bytes and seconds pass 2**31; SQLite's integers have room for them by nature.
_BIG = BigInteger().with_variant(Integer, "sqlite")

METADATA = MetaData()
_JSON = JSON(none_as_null=True)
FILES = Table(
    "files",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("bytes", _BIG, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("expires_at", _BIG, index=True),
    Index("ix_files_purpose_seq", "purpose", "seq"),
)
UPLOADS = Table(
    "uploads",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("bytes", _BIG, nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("expires_at", _BIG),
    Column("file_lifetime", _BIG),
    Column("file_id", Text),
    # The hash of the body that completed it: a client that lost the reply sends it again.
    Column("completed_by", Text),
    Index("ix_uploads_status_expires_at", "status", "expires_at"),
)
PARTS = Table(
    "upload_parts",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("upload_id", Text, nullable=False, index=True),
    Column("bytes", _BIG, nullable=False),
    Column("created_at", _BIG, nullable=False),
)
JOBS = Table(
    "jobs",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("finished_at", _BIG),
    Column("status", Text, nullable=False, index=True),
    Column("model", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("fine_tuned_model", Text),
    Column("training_file", Text, nullable=False),
    Column("validation_file", Text),
    Column("suffix", Text),
    Column("seed", Integer, nullable=False),
    Column("hyperparameters", _JSON, nullable=False),
    Column("metadata", _JSON),
    Column("error", _JSON),
    Column("trained_tokens", _BIG),
    Column("result_file", Text),
    Column("estimated_finish", _BIG),
    Column("crashes", Integer, nullable=False, default=0),
    Column("integrations", _JSON),
    # "wanted" while an integration is to be told how the job goes, then "done"; null: there is none.
    Column("report", Text, index=True),
    Column("owner", Text),
    Column("fence", Integer, nullable=False, default=0, server_default="0"),
    Column("beats", Integer, nullable=False, default=0, server_default="0"),
    # How it was asked for: whoever lost the reply asks again.
    Column("caller", Text),
    Column("idempotency_key", Text),
    Column("request_hash", Text, index=True),
    Index("ix_jobs_caller_idempotency_key", "caller", "idempotency_key", unique=True),
)
EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("job_id", Text, nullable=False, index=True),
    Column("created_at", _BIG, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", _JSON),
    Column("step", Integer),
    # A step that is trained again after a crash is one event, not two.
    UniqueConstraint("job_id", "step"),
)
MODELS = Table(
    "models",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("job_id", Text, nullable=False, index=True),
    Column("base", Text, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("adapter", Text, nullable=False),
    Column("sha256", Text),
    Column("checkpoint_id", Text),
    Column("step_number", Integer),
    Column("metrics", _JSON),
)
WEBHOOK_ENDPOINTS = Table(
    "webhook_endpoints",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", _JSON, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("updated_at", _BIG, nullable=False),
    # What signs cannot be hashed.
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),
    Column("old_secret_until", _BIG),
    # When it answered 410, which ends all deliveries to it until somebody changes it.
    Column("gone_at", _BIG),
)
WEBHOOK_EVENTS = Table(
    "webhook_events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("status", Text, nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("job_id", Text, nullable=False),
)
WEBHOOK_DELIVERIES = Table(
    "webhook_deliveries",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("status", Text, nullable=False),
    Column("endpoint_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("created_at", _BIG, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Index("ix_webhook_deliveries_status_due_at", "status", "due_at"),
)
# What was deleted from a list that is read in pages, and where in it that was.
DELETED_ROWS = Table(
    "deleted_rows",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("list", Text, nullable=False),
    Column("seq", Integer, nullable=False),
)
FACTS = Table("facts", METADATA, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
# Alembic's own, as Alembic makes it.
VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
