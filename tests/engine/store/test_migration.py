"""Tables of every version become those of today, with all that is in them; a killed migration changes nothing."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.store import FILES, NewerSchema, Store
from engine.store.migration import MIGRATIONS, NEWEST
from engine.store.tables import METADATA

ROOT = Path(__file__).parents[3]
FILE = "INSERT INTO files (id, filename, purpose, bytes, sha256, created_at) VALUES ('file-1', 'a', 'batch', 1, '0', 7)"
OPEN = "import sys, pathlib, engine.store as s; print(flush=True); s.Store(pathlib.Path(sys.argv[1]))"


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def make_old(path: Path, version: str) -> None:
    """A database as an engine of that version left it, with one file."""
    config, engine = scripts(), sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.exec_driver_sql(FILE)
    engine.dispose()


def version_of(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def differences(path: Path) -> object:
    """How the tables in the database differ from those that the engine works with."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found: object = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    return found


def test_a_new_database_has_the_tables_of_today(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite3"
    Store(path).close()
    assert differences(path) == []
    assert version_of(path) == NEWEST


def test_the_newest_version_is_the_last_of_the_scripts() -> None:
    assert ScriptDirectory.from_config(scripts()).get_current_head() == NEWEST


@pytest.mark.parametrize("recorded", [True, False])
def test_an_old_database_keeps_what_is_in_it(tmp_path: Path, recorded: bool) -> None:
    path = tmp_path / "facts.sqlite3"
    make_old(path, "0001")
    if not recorded:  # the first engines did not write a version
        change(path, "DROP TABLE alembic_version")
    store = Store(path)
    row = store.one(FILES, id="file-1")
    store.close()
    assert row is not None
    assert (row["created_at"], row["expires_at"]) == (7, None)
    assert (differences(path), version_of(path)) == ([], NEWEST)


def test_a_database_of_a_newer_engine_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite3"
    Store(path).close()
    change(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchema, match="version 9999"):
        Store(path)
    assert version_of(path) == "9999"


def test_a_migration_that_is_killed_leaves_the_old_version_or_the_new_one(tmp_path: Path) -> None:
    chance, seen = random.Random(9527), set[str]()
    for turn in range(12):
        path = tmp_path / f"{turn}.sqlite3"
        make_old(path, "0001")
        child = subprocess.Popen([sys.executable, "-c", OPEN, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()  # all is loaded but Alembic
        time.sleep(chance.uniform(0, 1.2))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        version = version_of(path)
        seen.add(version)
        connection = sqlite3.connect(path)
        columns = [row[1] for row in connection.execute("PRAGMA table_info(files)")]
        connection.close()
        assert ("expires_at" in columns) == (version == NEWEST)
        store = Store(path)
        assert store.one(FILES, id="file-1") is not None
        store.close()
        assert differences(path) == []
    assert "0001" in seen
