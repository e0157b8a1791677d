"""Takes secrets out of texts: those of this process by their value, and everybody's by their looks."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit

# The keys of OpenAI and of this service, and the secrets of webhooks.
_LOOKS = re.compile(r"sk-[A-Za-z0-9_-]{16,}|t9_[A-Za-z0-9_-]{20,}|whsec_[A-Za-z0-9+/=_-]{16,}")
_IN_URL = re.compile(r"(?<=://)([^\s/@:'\"]*):([^\s/'\"]+)@")
_BEARER = re.compile(r"(?i)(?<=\bbearer )[^\s'\",]{8,}")
# What is shorter stands in many an ordinary word.
FEWEST_LETTERS = 8


def mask(text: str, *secrets: str) -> str:
    """Return `text` with the last four characters of each secret alone.

    Of a secret of 16 characters or fewer, and of a password in a URL, nothing is shown.
    """
    return _by_looks(_without(text, secrets, _masked))


def hide(text: str, *secrets: str) -> str:
    """Return `text` as `mask` does, but with nothing at all of `secrets`, which may be passwords."""
    return _by_looks(_without(text, secrets, lambda _: "****"))


def password_in(url: str) -> tuple[str, ...]:
    """Return the password in a URL, as it stands there and as it is meant; nothing if there is none."""
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return ()
    return tuple({password, unquote(password)} - {""})


def _without(text: str, secrets: Sequence[str], shown: Callable[[str], str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):  # one may hold another
        if len(secret) >= FEWEST_LETTERS:
            text = text.replace(secret, shown(secret))
    return text


def _by_looks(text: str) -> str:
    text = _LOOKS.sub(lambda found: _masked(found.group()), text)
    if "earer" in text.lower():
        text = _BEARER.sub(lambda found: _masked(found.group()), text)
    return _IN_URL.sub(r"\1:****@", text) if "://" in text else text


def _masked(key: str) -> str:
    return f"****{key[-4:]}" if len(key) > 16 else "****"
