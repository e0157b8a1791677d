"""Gives a new database the tables of today, and an older one what it lacks by Alembic; killed, it leaves what was."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from engine.store.tables import METADATA, VERSION

MIGRATIONS = Path(__file__).with_name("migrations")
# The first version that was ever written, before versions were recorded.
UNRECORDED = "0001"
NEWEST = "0010"


class NewerSchema(Exception):
    """The database was made by a newer version of the engine; the message says so."""


def bring_up_to_date(engine: Engine) -> None:
    """Make what is missing, all in one transaction; raises NewerSchema.

    Only an older database costs the half second that Alembic takes to load.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's transaction has the write lock already
            connection.execute(text("SELECT pg_advisory_xact_lock(9527)"))
        found = _recorded(connection)
        if found is None:
            _make(connection)
        elif found != NEWEST:
            _migrate(connection, found)


def _recorded(connection: Connection) -> str | None:
    """The version that the database says it has; UNRECORDED if it has tables but says nothing, None if it is new."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    return UNRECORDED if "jobs" in tables else None


def _make(connection: Connection) -> None:
    """Make the tables as they are now, and record their version where Alembic looks for it."""
    METADATA.create_all(connection, checkfirst=False)
    VERSION.create(connection, checkfirst=False)
    connection.execute(VERSION.insert().values(version_num=NEWEST))


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        if found == UNRECORDED:
            command.stamp(config, UNRECORDED)
        command.upgrade(config, NEWEST)
    except CommandError:
        message = f"The database is of version {found}, this engine knows versions up to {NEWEST}. Update tune9527."
        raise NewerSchema(message) from None
