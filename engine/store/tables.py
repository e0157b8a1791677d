"""The engine's tables, as they are now; `versions` says how they came about."""

from sqlalchemy import JSON, Column, Float, Index, Integer, MetaData, String, Table, UniqueConstraint

METADATA = MetaData()
_JSON = JSON(none_as_null=True)
FILES = Table(
    "files",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("filename", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer),
)
UPLOADS = Table(
    "uploads",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("filename", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer),
    Column("file_lifetime", Integer),
    Column("file_id", String),
)
PARTS = Table(
    "upload_parts",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("upload_id", String, nullable=False, index=True),
    Column("bytes", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
)
JOBS = Table(
    "jobs",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("status", String, nullable=False, index=True),
    Column("model", String, nullable=False),
    Column("base", String, nullable=False),
    Column("fine_tuned_model", String),
    Column("training_file", String, nullable=False),
    Column("validation_file", String),
    Column("suffix", String),
    Column("seed", Integer, nullable=False),
    Column("hyperparameters", _JSON, nullable=False),
    Column("metadata", _JSON),
    Column("error", _JSON),
    Column("trained_tokens", Integer),
    Column("result_file", String),
    Column("estimated_finish", Integer),
    Column("crashes", Integer, nullable=False, default=0),
    Column("integrations", _JSON),
    # "wanted" while an integration is to be told how the job goes, then "done"; null: there is none.
    Column("report", String, index=True),
    Column("owner", String),
    Column("fence", Integer, nullable=False, default=0, server_default="0"),
    Column("beats", Integer, nullable=False, default=0, server_default="0"),
)
EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("job_id", String, nullable=False, index=True),
    Column("created_at", Integer, nullable=False),
    Column("level", String, nullable=False),
    Column("message", String, nullable=False),
    Column("type", String, nullable=False),
    Column("data", _JSON),
    Column("step", Integer),
    # A step that is trained again after a crash is one event, not two.
    UniqueConstraint("job_id", "step"),
)
MODELS = Table(
    "models",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("job_id", String, nullable=False, index=True),
    Column("base", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("adapter", String, nullable=False),
    Column("checkpoint_id", String),
    Column("step_number", Integer),
    Column("metrics", _JSON),
)
WEBHOOK_ENDPOINTS = Table(
    "webhook_endpoints",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("name", String, nullable=False),
    Column("url", String, nullable=False),
    Column("event_types", _JSON, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    # What signs cannot be hashed.
    Column("secret", String, nullable=False),
    Column("old_secret", String),
    Column("old_secret_until", Integer),
)
WEBHOOK_EVENTS = Table(
    "webhook_events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("type", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("job_id", String, nullable=False),
)
WEBHOOK_DELIVERIES = Table(
    "webhook_deliveries",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, unique=True, nullable=False),
    Column("status", String, nullable=False),
    Column("endpoint_id", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Index("ix_webhook_deliveries_status_due_at", "status", "due_at"),
)
FACTS = Table("facts", METADATA, Column("name", String, primary_key=True), Column("value", String, nullable=False))
