"""Forms as clients write them: in the test client's own an empty field or file lacks the line end behind it."""

from collections.abc import Mapping
from typing import Any

import requests


def written(fields: Mapping[str, str], *files: tuple[str, bytes]) -> dict[str, Any]:
    """Return what a test client is given to send these fields, and these named files in the field `files`."""
    sent = [("files", (name, content, "application/octet-stream")) for name, content in files]
    form = requests.Request("POST", "http://localhost", files=sent, data=fields).prepare()
    return {"data": form.body, "content_type": form.headers["Content-Type"]}
