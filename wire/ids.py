"""Ids and model names as the wire has them (wire reference 2.7); chance is passed in."""

import random
import re
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_SYSTEM_RANDOM = random.SystemRandom()


def new_id(prefix: str, length: int = 24, chance: random.Random = _SYSTEM_RANDOM) -> str:
    """Return `prefix` and `length` letters or digits: `new_id("file-")`, `new_id("ftjob-")`, `new_id("ftckpt_")`."""
    return prefix + _letters(_ALPHANUMERIC, length, chance)


def made_up_suffix(chance: random.Random = _SYSTEM_RANDOM) -> str:
    """Return the suffix that the document's `/fine_tuning` makes when none is given, such as `suffix:8n8zwx`."""
    return "suffix:" + _letters(string.ascii_lowercase + string.digits, 6, chance)


def sanitise_suffix(suffix: str | None) -> str:
    """Return the suffix as it stands in a model's name: lower case, other characters than a-z and 0-9 as one `-`."""
    return re.sub(r"[^a-z0-9]+", "-", (suffix or "").lower()).strip("-")


def model_name(
    base: str, organization: str, suffix: str | None, step: int | None = None, chance: random.Random = _SYSTEM_RANDOM
) -> str:
    """Return `ft:base:organization:suffix:8chars`, for a checkpoint with `:ckpt-step-N` behind it."""
    name = f"ft:{base}:{organization}:{sanitise_suffix(suffix)}:{new_id('', 8, chance)}"
    return name if step is None else f"{name}:ckpt-step-{step}"


def is_no_id(name: str) -> bool:
    """Whether a name would lead elsewhere in a path, where the SDK will not put it; nothing has it for an id."""
    return name in (".", "..") or "/" in name


def _letters(alphabet: str, length: int, chance: random.Random) -> str:
    """Draw once for all letters: `choices` asks the system for each, a tenth of what a chat costs a server."""
    number = chance.getrandbits(8 * length + 64)  # so many more than needed that no letter is likelier than another
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(alphabet))
        letters.append(alphabet[place])
    return "".join(letters)
