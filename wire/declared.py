"""What a caller says of a file beforehand, its sha256 or its length, compared with what came of it."""

import hashlib
import re
from collections.abc import Mapping, Sequence

from wire.body import Readable
from wire.errors import BadRequest

FIELDS = ("sha256", "bytes")
"""The form fields; each stands as often as there are files, in their order."""
_SHAPES = {
    "sha256": (re.compile(r"[0-9a-f]{64}", re.ASCII), "64 hexadecimal digits"),
    "bytes": (re.compile(r"\d{1,15}", re.ASCII), "a whole number"),
}


class Verified:
    """The bytes of a file as they come; at their end they are what was declared, or reading raises BadRequest."""

    def __init__(self, stream: Readable, declared: dict[str, str]) -> None:
        self._stream = stream
        self._declared = declared
        self._sha256 = hashlib.sha256()
        self._count = 0

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; raises BadRequest, 400 checksum_mismatch, at the end of a file that is another."""
        piece = self._stream.read(size)
        self._count += len(piece)
        if "sha256" in self._declared:
            self._sha256.update(piece)
        if size and not piece:
            self._compare()
        return piece

    def _compare(self) -> None:
        came = {"sha256": self._sha256.hexdigest(), "bytes": str(self._count)}
        for name, said in self._declared.items():
            if said != came[name]:
                message = f"The file's {name} is {came[name]}, not {said} as declared; nothing was kept. Send it again."
                raise BadRequest(message, code="checksum_mismatch", param=name)


def declarations(given: Mapping[str, Sequence[str]], files: int) -> list[dict[str, str]]:
    """Return what is declared of each of `files` files; `given` are the values of FIELDS in the form.

    Raises:
        BadRequest: 400 invalid_value, a value has not its shape, or there are not as many as files.
    """
    found: list[dict[str, str]] = [{} for _ in range(files)]
    for name, values in given.items():
        shape, words = _SHAPES[name]
        wrong = next((value for value in values if not shape.fullmatch(value.lower())), None)
        if wrong is not None:
            message = f"Invalid value for '{name}': '{wrong[:80]}'. It must be {words}."
            raise BadRequest(message, code="invalid_value", param=name)
        if values and len(values) != files:
            message = f"'{name}' is to stand as often as 'files', {files} in all and in their order, not {len(values)}."
            raise BadRequest(message, code="invalid_value", param=name)
        for one, value in zip(found, values, strict=False):
            one[name] = value.lower() if name == "sha256" else str(int(value))
    return found
