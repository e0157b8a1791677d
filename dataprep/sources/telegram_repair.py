"""Makes JSON of what Telegram Desktop wrote when it was not: three faults of its past; it guesses at nothing else."""

import json
import re
from typing import Any

from dataprep.sources.json_fields import Pairs, parse_json
from dataprep.sources.source import UnreadableSource

# Control characters as \x01, after an even number of backslashes (tdesktop issue 27571).
_HEX_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
# A path without quotes, to the end of its line (tdesktop 4.1.1, issue 24961).
_BARE_PATH = re.compile(r'("document_id":[ \t]*)(?![\s"\d\[{]|null)([^\n"]+)$', re.MULTILINE)


def load(text: str) -> Any:
    """Decode an export, repaired only if it has to be; raises UnreadableSource."""
    try:
        return parse_json(text, _keep_the_fuller)
    except UnreadableSource:
        repaired = repair(text)
        if repaired == text:
            raise
        return parse_json(repaired, _keep_the_fuller)


def repair(text: str) -> str:
    """Return the text with its escapes and bare paths as JSON writes them."""
    text = _HEX_ESCAPE.sub(r"\1\\u00\2", text)
    return _BARE_PATH.sub(_quote, text)


def _quote(found: re.Match[str]) -> str:
    path = found[2].rstrip()
    bare = path.removesuffix(",").rstrip()
    return f"{found[1]}{json.dumps(bare, ensure_ascii=False)}{',' if path.endswith(',') else ''}"


def _keep_the_fuller(pairs: Pairs) -> dict[str, Any]:
    """Of a key given twice keep the value that is not empty, as with `text` in 5.9 (issue 28781)."""
    built = dict(pairs)
    if len(built) < len(pairs):
        for key, value in pairs:
            built[key] = built[key] or value
    return built
