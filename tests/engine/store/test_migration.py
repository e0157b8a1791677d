"""Tables of every version become those of today, with all that is in them; a killed migration changes nothing."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from engine.store import NewerSchema, Store
from engine.store.migration import MIGRATIONS, NEWEST
from engine.store.tables import METADATA

FILE = "INSERT INTO files (id, filename, purpose, bytes, sha256, created_at) VALUES ('file-1', 'a', 'batch', 1, '0', 7)"
Database = Path | str
# What a column of a type holds; a text is the id of the file, so that what refers to a row finds one.
VALUES: dict[type, Any] = {int: 7, float: 0.5, bool: True, dict: {"a": 1}, list: [1], bytes: b"a"}
# Loading Alembic takes a second, and thirty children would each do it.
FORK: Any = multiprocessing.get_context("fork") if hasattr(os, "fork") else None


def open_and_die(database: Database, statement: int) -> None:
    """In a process of its own: open the database, and die before the statement of that number."""
    left = itertools.count(statement - 1, -1)

    @event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def count(*_: object) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Store(database).close()


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def connected(database: Database) -> Iterator[sqlalchemy.Connection]:
    """A transaction of our own in the database."""
    engine = sqlalchemy.create_engine(f"sqlite:///{database}" if isinstance(database, Path) else database)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def make_old(database: Database, version: str) -> None:
    """A database as an engine of that version left it, with one file."""
    config = scripts()
    with connected(database) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.exec_driver_sql(FILE)


def version_of(database: Database) -> str:
    with connected(database) as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def change(database: Database, statement: str) -> None:
    with connected(database) as connection:
        connection.exec_driver_sql(statement)


def differences(database: Database) -> object:
    """How the tables in the database differ from those that the engine works with."""
    with connected(database) as connection:
        return compare_metadata(MigrationContext.configure(connection), METADATA)


def shape_of(database: Database) -> dict[str, object]:
    """All of every table but the order of its columns: those that were added later stand at its end."""
    with connected(database) as connection:
        found = sqlalchemy.inspect(connection)

        def parts(table: str) -> Iterator[Any]:
            yield from found.get_columns(table)
            yield from found.get_indexes(table)
            yield from found.get_unique_constraints(table)
            yield found.get_pk_constraint(table)

        return {table: sorted(map(repr, parts(table))) for table in found.get_table_names()}


def test_a_new_database_is_as_the_versions_one_by_one_make_it(database: Database) -> None:
    Store(database).close()
    new = shape_of(database)
    assert (differences(database), version_of(database)) == ([], NEWEST)
    with connected(database) as connection:
        for table in new:
            connection.exec_driver_sql(f"DROP TABLE {table}")
    make_old(database, NEWEST)
    assert shape_of(database) == new


@pytest.mark.skipif(FORK is None, reason="children are forked")
@pytest.mark.parametrize("statement", [3, 13, 23])
def test_a_new_database_whose_maker_is_killed_is_made_whole_by_the_next(database: Database, statement: int) -> None:
    child = FORK.Process(target=open_and_die, args=(database, statement))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    with connected(database) as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == []
    Store(database).close()
    assert (differences(database), version_of(database)) == ([], NEWEST)


def test_the_newest_version_is_the_last_of_the_scripts() -> None:
    assert ScriptDirectory.from_config(scripts()).get_current_head() == NEWEST


OLD = [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][:0:-1]


def test_a_database_that_tells_no_version_is_one_of_the_first_engines(database: Database) -> None:
    make_old(database, "0001")
    change(database, "DROP TABLE alembic_version")
    Store(database).close()
    assert (differences(database), version_of(database)) == ([], NEWEST)


def fill(database: Database) -> dict[str, Any]:
    """Give every table a row that has a value in each column, and return what the database has of them."""
    with connected(database) as connection:
        found = sqlalchemy.MetaData()
        found.reflect(connection)
        for table in found.sorted_tables:
            values = {column.name: VALUES.get(column.type.python_type, "file-1") for column in table.columns}
            if table.name == "files":
                connection.execute(table.update().values(values))
            elif table.name != "alembic_version":
                connection.execute(table.insert().values(values))
        return rows_of(connection, found)


def rows_of(connection: sqlalchemy.Connection, tables: sqlalchemy.MetaData) -> dict[str, Any]:
    """The one row of each table that has any."""
    some = {one.name: connection.execute(one.select()).first() for one in tables.sorted_tables}
    return {name: row._asdict() for name, row in some.items() if row and name != "alembic_version"}


@pytest.mark.parametrize("version", OLD)
def test_a_database_of_any_version_keeps_what_is_in_it(database: Database, version: str) -> None:
    make_old(database, version)
    before = fill(database)
    Store(database).close()
    assert (differences(database), version_of(database)) == ([], NEWEST)
    with connected(database) as connection:
        after = rows_of(connection, METADATA)
    assert {name: {column: after[name][column] for column in row} for name, row in before.items()} == before


def test_a_database_of_a_newer_engine_is_left_alone(database: Database) -> None:
    Store(database).close()
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchema, match="version 9999"):
        Store(database)
    assert version_of(database) == "9999"


def test_engines_that_start_at_once_migrate_once(database: Database) -> None:
    make_old(database, "0001")
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(Store, [database] * 4):
            store.close()
    assert (differences(database), version_of(database)) == ([], NEWEST)


def tables_of(database: Database) -> dict[str, set[str]]:
    """Every table's columns."""
    with connected(database) as connection:
        found = sqlalchemy.inspect(connection)
        return {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}


@pytest.mark.skipif(FORK is None, reason="children are forked")
def test_a_migration_that_is_killed_at_any_statement_leaves_the_old_version_whole(database: Database) -> None:
    make_old(database, "0001")
    old, killed = tables_of(database), 0
    while True:
        child = FORK.Process(target=open_and_die, args=(database, killed + 1))
        child.start()
        child.join()
        assert child.exitcode in (0, -signal.SIGKILL)
        if child.exitcode == 0:
            break
        killed += 1
        assert (version_of(database), tables_of(database)) == ("0001", old)
    assert killed > 5
    assert (differences(database), version_of(database)) == ([], NEWEST)
