"""Commands that a reader copies: where the service is, and the key where it asks for one."""

import json
import shlex
from typing import Any

# The key itself stands on no page.
AUTHORIZATION = '-H "Authorization: Bearer $TUNE9527_KEY"'


def curl(root: str, keyed: bool, path: str, *options: str, asked: dict[str, Any] | None = None) -> str:
    """Return the command that calls `path`, with these options of curl's or with `asked` as its body."""
    parts = [f"curl {root}{path}", *([AUTHORIZATION] if keyed else []), *options]
    if asked is not None:
        parts += [f"-H 'Content-Type: application/json' \\\n  -d {shlex.quote(json.dumps(asked, ensure_ascii=False))}"]
    return " ".join(parts)
