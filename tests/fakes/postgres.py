"""A real PostgreSQL of the tests' own: a new cluster in a folder, reached by a unix socket, gone with the tests."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from tests.fakes.ports import until

WITHOUT = "PostgreSQL (initdb) is not on this machine, so DATABASE_URL was NOT tested: apt-get install postgresql"


def binaries() -> Path | None:
    """The folder of initdb and postgres; Debian keeps them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Postgres:
    """One server; `new_database()` gives the URL of a database of one's own in it."""

    def __init__(self, programs: Path) -> None:
        # It refuses to run as root, and another user cannot look into pytest's folders.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._made = 0
        self._programs, data = programs, self._folder / "data"
        self._run(programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._start()

    def _start(self) -> None:
        data = self._folder / "data"
        settings = ["listen_addresses=", f"unix_socket_directories={self._folder}", "max_connections=200", "fsync=off"]
        options = [word for one in settings for word in ("-c", one)]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", data, *options], user=self._user, stderr=subprocess.DEVNULL, cwd="/"
        )
        until(self._answers)

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._made += 1
        name = f"facts{self._made}"
        with psycopg.connect(f"host={self._folder} user=tests dbname=postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql+psycopg://tests@/{name}?host={self._folder}"

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Have nobody reach it for a while."""
        self._process.send_signal(signal.SIGINT)  # "fast": whoever is connected is thrown out
        self._process.wait(60)
        try:
            yield
        finally:
            self._start()

    def close(self) -> None:
        """Stop it and forget its data."""
        self._process.send_signal(signal.SIGQUIT)  # "immediate": nobody needs the data any more
        self._process.wait(60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"host={self._folder} user=tests dbname=postgres").close()
        except psycopg.OperationalError:
            assert self._process.poll() is None, "PostgreSQL ended at its start"
            return False
        return True

    def _run(self, *command: Path | str) -> None:
        subprocess.run(command, user=self._user, cwd="/", check=True, stdout=subprocess.DEVNULL)
