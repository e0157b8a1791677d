"""The engine's tables, as they are now; `versions` says how they came about."""

from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, UniqueConstraint

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
FACTS = Table("facts", METADATA, Column("name", String, primary_key=True), Column("value", String, nullable=False))
