"""Finds personal data and secrets in chat texts and puts placeholders in their place; names of people stay."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dataprep import patterns

_ISSUERS = re.compile(
    r"62\d{14,17}|4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0|6|8)\d{12}|35\d{14}"
    r"|6(?:0|4|5)\d{14,17}|9[0-9]\d{14,17}"
)
_LOCAL_ADDRESS = re.compile(r"127\.|0\.0\.0\.0|255\.255\.255\.255")
_WORDY = re.compile(r"[A-Za-z0-9]{20}|[0-9]")
# What every find holds one of; most texts hold none and cost no more than this.
_WORTH_A_LOOK = re.compile(
    r"[@＠]|\d[\d .()．－\u00a0\u2011-]{6}|[A-Za-z0-9_-]{15}|wxid_|-----BEGIN|[Pp]ass|PASS|[Pp]wd|密码|密碼|口令"
    r"|[Bb]earer |:[0-9A-Fa-f]{0,4}:|[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Aa]pi.?[Kk]ey|API.?K|令牌|[Qq][Qq]|微信号"
)
_NARROW = str.maketrans("０１２３４５６７８９＠．－＋\u00a0\u2011", "0123456789@.-+ -")
_LINE = re.compile(r"[^\n]+")
# What is found holds none of these, but for passwords in addresses; a damaged file may have a line of a megabyte.
_PART = re.compile(r"[^{}<>,;|]+")
_LONG = 4096
_NO_DIGITS = re.compile(r"[^0-9]")
_has_digit = re.compile("[0-9]").search


class Found(NamedTuple):
    """One piece of personal data: its kind (as in the placeholder) and where it stands, `text[start:end]`."""

    kind: str
    start: int
    end: int


class _Rule(NamedTuple):
    """`needs` tells texts that it cannot find anything in, in a fraction of the time."""

    kind: str
    pattern: re.Pattern[str]
    accept: Callable[[str], bool]
    needs: Callable[[str], object] = bool


def find(text: str) -> list[Found]:
    """All personal data and secrets in the text, in order and without overlaps; never raises."""
    if not _WORTH_A_LOOK.search(text):
        return []
    found, known = list[Found](), -1
    # Keys in blocks alone go over several lines; for all else, lines that hold nothing need no look by each rule.
    blocks = list(_search(_BLOCK_RULE, 0, text.translate(_NARROW), found))
    pieces = [line for start, piece in blocks for line in _lines_worth_a_look(start, piece)]
    # What stood beside a find may be one now that the find is gone: look until nothing more turns up.
    while known < len(found):
        known = len(found)
        for rule in _RULES:
            pieces = [gap for start, piece in pieces for gap in _search(rule, start, piece, found)]
    return sorted(found, key=lambda one: one.start)


class Masker:
    """Replaces personal data by placeholders such as `[PHONE_1]`, the same value always by the same one.

    `counts` says how many replacements of each kind were made so far.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._names: dict[tuple[str, str], str] = {}
        self._last: Counter[str] = Counter()

    def mask(self, text: str) -> str:
        """Return the text with everything found replaced; masking the result again changes nothing."""
        found = find(text)
        if not found:
            return text
        parts, end = list[str](), 0
        for one in found:
            parts += (text[end : one.start], self._name(one.kind, text[one.start : one.end]))
            end = one.end
        return "".join(parts) + text[end:]

    def _name(self, kind: str, value: str) -> str:
        self.counts[kind] += 1
        key = kind, _normalise(kind, value.translate(_NARROW))
        if key not in self._names:
            self._last[kind] += 1
            self._names[key] = f"[{kind}_{self._last[kind]}]"
        return self._names[key]


def _lines_worth_a_look(start: int, piece: str) -> Iterator[tuple[int, str]]:
    for line in _LINE.finditer(piece):
        # Nothing that is found ends in blanks; a damaged file may hold a million of them.
        words = line[0].rstrip()
        if not _WORTH_A_LOOK.search(words):
            continue
        if len(words) < _LONG or "://" in words:
            yield start + line.start(), words
            continue
        for part in _PART.finditer(words):
            if _WORTH_A_LOOK.search(part[0]):
                yield start + line.start() + part.start(), part[0]


def _search(rule: _Rule, start: int, piece: str, found: list[Found]) -> Iterator[tuple[int, str]]:
    """Add what the rule finds in one piece; yields the pieces between the finds."""
    end = 0
    for match in rule.pattern.finditer(piece) if rule.needs(piece) else ():
        if rule.accept(match[0]):
            found.append(Found(rule.kind, start + match.start(), start + match.end()))
            yield start + end, piece[end : match.start()]
            end = match.end()
    yield start + end, piece[end:]


def _normalise(kind: str, value: str) -> str:
    if kind == "PHONE":
        digits = _NO_DIGITS.sub("", value).removeprefix("00")
        return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
    if kind == "CARD":
        return _NO_DIGITS.sub("", value)
    return value if kind in ("KEY", "PASSWORD") else value.lower()


def _anything(_: str) -> bool:
    return True


def _is_secret(text: str) -> bool:
    return not text.startswith("sk-") or _WORDY.search(text, 3) is not None


def _is_citizen_id(text: str) -> bool:
    """Whether the check digit (GB 11643, ISO 7064 MOD 11-2) and the birthday of 18 characters are right."""
    if not (1800 <= int(text[6:10]) <= 2199 and 1 <= int(text[10:12]) <= 12 and 1 <= int(text[12:14]) <= 31):
        return False
    rest = sum(int(digit) << (17 - place) for place, digit in enumerate(text[:17])) % 11
    return text[17].upper() == "10X98765432"[rest]


def _is_card(text: str) -> bool:
    """Whether a known issuer may have given out this number, and its check digit (Luhn) is right."""
    digits = _NO_DIGITS.sub("", text)
    if not _ISSUERS.fullmatch(digits):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_outside_address(text: str) -> bool:
    return _LOCAL_ADDRESS.match(text) is None


def _is_mixed(text: str) -> bool:
    """Whether it has letters and digits, as made-up secrets do, and words of a manual do not."""
    return re.search("[0-9]", text) is not None and re.search("[A-Za-z]", text) is not None


def _is_made_up_word(text: str) -> bool:
    """Whether it is mixed, and no constant of a program such as OAUTH2_TOKEN."""
    return _is_mixed(text) and not ("_" in text and text.isupper())


def _is_outside_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_link_local)


def _has_at(text: str) -> bool:
    return "@" in text


def _whole_number(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{patterns.NO_DIGIT_BEFORE}(?:{pattern}){patterns.NO_DIGIT_AFTER}")


# The first rule to claim a stretch has it: an address is no phone number, a key no card.
_BLOCK_RULE = _Rule("KEY", re.compile(patterns.PEM), _anything)
_RULES: tuple[_Rule, ...] = (
    _Rule("KEY", re.compile(f"{patterns.NO_WORD_BEFORE}(?:{'|'.join(patterns.SECRETS)})"), _is_secret),
    _Rule("KEY", re.compile(patterns.BEARER), _is_mixed),
    _Rule("PASSWORD", re.compile(patterns.LOGIN), _anything, _has_at),
    _Rule("PASSWORD", re.compile(patterns.PASSWORD), _is_mixed),
    _Rule("PASSWORD", re.compile(patterns.TOKEN), _is_made_up_word),
    _Rule("WXID", re.compile(r"(?<![0-9A-Za-z_])(?:wxid_[A-Za-z0-9_-]{5,}|[0-9]{5,}@chatroom)"), _anything),
    _Rule("WXID", re.compile(patterns.WECHAT_NAME), _is_mixed),
    _Rule("QQ", re.compile(patterns.QQ), _anything, _has_digit),
    _Rule(
        "EMAIL",
        re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"),
        _anything,
        _has_at,
    ),
    _Rule("ID", re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])"), _is_citizen_id, _has_digit),
    _Rule("CARD", re.compile(patterns.NAMED_CARD), _anything, _has_digit),
    _Rule("CARD", _whole_number(patterns.CARD), _is_card, _has_digit),
    *(_Rule("PHONE", _whole_number(phone), _anything, _has_digit) for phone in patterns.PHONES),
    _Rule(
        "IP",
        re.compile(rf"(?<![0-9A-Za-z.])(?:{patterns.OCTET}\.){{3}}{patterns.OCTET}(?![0-9]|\.[0-9])"),
        _is_outside_address,
        _has_digit,
    ),
    _Rule("IP", re.compile(patterns.IPV6), _is_outside_ipv6),
)
