"""API keys: made once, shown once, kept as sha256 with their scopes and their end; which call needs which scope is not
known here."""

import hashlib
import hmac
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wire.errors import ApiError
from wire.ids import new_id

SCOPES = ("read", "train", "chat", "admin")
_TOKEN = re.compile(r"t9_[A-Za-z0-9_-]{43}", re.ASCII)
_RANDOM_BYTES = 32
_PATIENCE = 10.0
_DAY_SECONDS = 86_400
_SCHEMA = """CREATE TABLE IF NOT EXISTS keys (
    sha256 TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, last4 TEXT NOT NULL,
    scopes TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER)"""


@dataclass(frozen=True)
class Key:
    """One key as it may be shown; times are unix seconds, `expires_at` None is never."""

    id: str
    name: str
    last4: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None = None

    def allows(self, scope: str) -> bool:
        """Whether it may do what needs `scope`; an admin may do everything."""
        return scope in self.scopes or "admin" in self.scopes

    def require(self, scope: str) -> None:
        """Raise 403 insufficient_scope unless it may do what needs `scope`."""
        if not self.allows(scope):
            message = f"This key (...{self.last4}) may {', '.join(sorted(self.scopes))}; this call needs '{scope}'."
            raise ApiError(message, code="insufficient_scope", status=403)


# Who asks where no key is asked for: the person whose machine this is.
NOBODY = Key("", "nobody", "", frozenset({"admin"}), 0)
# Who shows the secret that an engine shares with its service.
SERVICE = Key("service", "service", "", frozenset({"admin"}), 0)


class KeyFile:
    """The keys of one DATA_DIR, in a SQLite file that only its owner may read; `now` is unix seconds."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._facts: sqlite3.Connection | None = None

    def make(self, name: str, scopes: frozenset[str], days: int | None = None) -> tuple[str, Key]:
        """Return a new key in full, which is never seen again, and as it is listed."""
        token = "t9_" + secrets.token_urlsafe(_RANDOM_BYTES)
        created = int(self._now())
        ends = created + days * _DAY_SECONDS if days else None
        key = Key(new_id("key_", 12), name, token[-4:], scopes, created, ends)
        row = (_sha256(token), key.id, name, key.last4, " ".join(sorted(scopes)), created, ends)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        self._ask("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", *row)
        return token, key

    def all(self) -> list[Key]:
        """Return every key, oldest first, those that have ended too."""
        return [_key(row) for row in self._ask("SELECT * FROM keys ORDER BY created_at, rowid")]

    def revoke(self, key_id: str) -> bool:
        """Forget a key; False if there is no such key."""
        return bool(self._ask("DELETE FROM keys WHERE id = ? RETURNING id", key_id))

    def exist(self) -> bool:
        """Whether there is any key, which is what makes the servers ask for one."""
        return bool(self._ask("SELECT 1 FROM keys LIMIT 1"))

    def find(self, token: str) -> Key | None:
        """Return the key that `token` is, unless it has ended."""
        if not _TOKEN.fullmatch(token):
            return None
        hashed = _sha256(token)
        for row in self._ask("SELECT * FROM keys WHERE sha256 = ?", hashed):
            key = _key(row)
            if hmac.compare_digest(row[0], hashed) and (key.expires_at is None or key.expires_at > self._now()):
                return key
        return None

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        """Run one statement of its own transaction; where no key was ever made there is no file, and no row."""
        with self._lock:
            if self._facts is None:
                if not self._path.exists():
                    return []
                self._facts = sqlite3.connect(
                    self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
                )
                self._facts.execute("PRAGMA synchronous = EXTRA")
                self._facts.execute(_SCHEMA)
            return self._facts.execute(statement, values).fetchall()


def bearer(header: str | None) -> str:
    """Return the token of an `Authorization: Bearer` header.

    Raises:
        ApiError: 401 missing_api_key, invalid_api_key.
    """
    scheme, _, token = (header or "").strip().partition(" ")
    if not token:
        message = "This server asks for a key: send the header 'Authorization: Bearer t9_...' (make one: make key)."
        raise _unauthorized(message, code="missing_api_key")
    if scheme.lower() != "bearer":
        raise invalid_key()
    return token.strip()


def invalid_key() -> ApiError:
    """The 401 for a key that is none, has ended, or was revoked; which of them is not told."""
    return _unauthorized("Incorrect API key provided: there is no such key, or it has ended.", code="invalid_api_key")


def _unauthorized(message: str, *, code: str) -> ApiError:
    return ApiError(message, code=code, status=401, headers={"WWW-Authenticate": "Bearer"})


def _key(row: Sequence[Any]) -> Key:
    _, key_id, name, last4, scopes, created_at, expires_at = row
    return Key(key_id, name, last4, frozenset(scopes.split()), created_at, expires_at)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
