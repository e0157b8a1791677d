"""Who asks, and whether they may: by a key of the file, or by the one secret that two of our servers share."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from gate.hosts import is_loopback
from gate.keys import NOBODY, SERVICE, Key, KeyFile, bearer, invalid_key


@dataclass(frozen=True)
class Access:
    """A key is asked for even where none was made if it is `required`, and `always` on an address that others reach."""

    keys: KeyFile
    secret: str = field(default="", repr=False)
    always: bool = False
    required: bool = False

    @classmethod
    def at(cls, host: str, key_file: Path, secret: str = "", *, required: bool = False) -> Self:
        """Return who may ask a server that listens on `host`."""
        return cls(KeyFile(key_file), secret, always=not is_loopback(host), required=required)

    def require(self, authorization: str | None, scope: str) -> Key:
        """Return the key of an `Authorization` header, SERVICE for the secret, NOBODY where none is asked for.

        Every key has the scope "".

        Raises:
            ApiError: 401 missing_api_key, invalid_api_key; 403 insufficient_scope.
        """
        if not (self.always or self.required or self.secret or self.keys.exist()):
            return NOBODY
        token = bearer(authorization)
        if self.secret and hmac.compare_digest(token.encode(), self.secret.encode()):
            return SERVICE
        key = self.keys.find(token)
        if key is None:
            raise invalid_key()
        if scope:
            key.require(scope)
        return key

    def find_fault(self, setting: str, allowed_hosts: str) -> str:
        """Return why a server that others reach must not start so, empty if it may; `setting` names its address."""
        if not self.always:
            return ""
        if not (self.secret or self.keys.exist()):
            return f"{setting} is an address that others reach; make a key first, with: make key"
        if not allowed_hosts:
            return f"{setting} is an address that others reach; name the names they call it by in ALLOWED_HOSTS"
        return ""
