"""Finds personal data and secrets in chat texts and puts placeholders in their place; names of people stay."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

# Look-arounds, not \b: there is no word boundary between a Chinese character and a digit.
_NO_DIGIT_BEFORE = r"(?<![0-9])(?<![0-9]\.)"
_NO_DIGIT_AFTER = r"(?![0-9])"
_NO_WORD_BEFORE = r"(?<![A-Za-z0-9])"

_SECRETS = (
    r"sk-[A-Za-z0-9_-]{16,}",
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"gh[pousr]_[A-Za-z0-9]{30,}",
    r"github_pat_[A-Za-z0-9_]{30,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-[A-Za-z0-9_-]{40,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"LTAI[A-Za-z0-9]{12,}",
    r"AKID[A-Za-z0-9]{13,}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
)
# No group that looks ahead is repeated possessively: Python 3.11.2, Debian's, matches too much there (cpython #100061).
_PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
    r"(?:[^-]*+(?:-(?!----)[^-]*+)*-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|[A-Za-z0-9+/=\s]*)"
)
# What stands where a password does: in an address, or behind the word for it.
_LOGIN = r"(?<=://)[^\s/:@]{1,64}:[^\s/@]{1,128}(?=@)"
_PASSWORD_WORDS = ("[Pp]assword", "PASSWORD", "[Pp]asswd", "[Pp]wd", "密码", "密碼", "口令")
_TOKEN_WORDS = (
    "[Tt]oken",
    "TOKEN",
    "[Ss]ecret",
    "SECRET",
    "[Aa]pi[_-][Kk]ey",
    "API[ _]KEY",
    "API key",
    "[Aa]pi[Kk]ey",
    "令牌",
)
_CALLS = ("[=:：是]", "[=:：是] ", " = ", " is ")
_QUOTES = ("[=:：][\"'“]", "[=:：] [\"'“]", " = [\"'“]")
_SIGNS = "[A-Za-z0-9!@#$%^&*_+.-]"


def _called(words: Iterable[str], marks: Iterable[str], secret: str) -> str:
    """A pattern of a secret behind one of the words for it.

    The characters on both sides first: looking back for each of the words, at every place in a text, takes ten times as
    long, and at every one of many blanks still.
    """
    before = "|".join(f"(?<={word}{mark})" for word in words for mark in marks)
    return rf"(?={_SIGNS})(?<=[=:：是 \"'“])(?:{before}){secret}(?![A-Za-z0-9(\[])"


_PASSWORD = _called(_PASSWORD_WORDS, _CALLS, rf"{_SIGNS}{{6,64}}")
# Short words behind "token" are names of models and the like.
_TOKEN = _called(_TOKEN_WORDS, (*_CALLS, *_QUOTES), r"[A-Za-z0-9_+/.-]{12,512}=*")
_BEARER = r"(?:(?<=Bearer )|(?<=bearer ))[A-Za-z0-9._~+/-]{20,}=*"
_IPV6 = r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![0-9A-Za-z:.])"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_PHONES = (
    r"\+1[0-9]{10}",
    r"(?:(?:\+|00)?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}",
    r"0[0-9]{2,3}-[0-9]{7,8}",
    r"(?:\(0[1-9][0-9]{1,2}\) ?|0[1-9][0-9]{1,2}[- ])[2-8][0-9]{2,3}[- ]?[0-9]{4}",
    r"(?:010|02[0-9]) ?[2-8][0-9]{7}",
    r"0[3-9][0-9]{2} ?[2-8][0-9]{6,7}",
    r"(?:\+?1[ .-]?)?\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}",
    r"(?:\+?1[ .-])?[0-9]{3}([ .-])[0-9]{3}\1[0-9]{4}",
    r"\+[2-9][0-9]{0,2}[ .-]?(?:\(0\))?[0-9](?:[ .-]?[0-9]){6,11}",
)
# Behind a plus, 13 digits are a phone number's.
_CARD = (
    r"(?<!\+)[0-9]{13}(?![0-9])|[0-9]{14,19}|[0-9]{4}(?:[ -][0-9]{4}){3}(?:[ -]?[0-9]{1,3})?"
    r"|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}"
)


def _behind(*words: str) -> str:
    """A pattern of the place behind a word, or behind it and a colon."""
    return "(?:" + "|".join(f"(?<={word}{mark})" for word in words for mark in ("", "[:：是 ]", "[:：] ")) + ")"


# A number that is called a card's is one, mistyped or not.
_NAMED_CARD = _behind("卡号", "[账帐]号") + r"[0-9]{16,19}(?![0-9])"
_QQ = _behind("QQ", "QQ号") + r"[1-9][0-9]{4,10}(?![0-9A-Za-z])"
_WECHAT_NAME = _behind("微信号") + r"[A-Za-z][A-Za-z0-9_-]{5,19}(?![A-Za-z0-9_-])"
_ISSUERS = re.compile(
    r"62\d{14,17}|4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0|6|8)\d{12}|35\d{14}"
    r"|6(?:0|4|5)\d{14,17}|9[0-9]\d{14,17}"
)
_LOCAL_ADDRESS = re.compile(r"127\.|0\.0\.0\.0|255\.255\.255\.255")
_WORDY = re.compile(r"[A-Za-z0-9]{20}|[0-9]")
# What every find holds one of; most texts hold none and cost no more than this.
_WORTH_A_LOOK = re.compile(
    r"[@＠]|\d[\d .()．－\u00a0\u2011-]{6}|[A-Za-z0-9_-]{15}|wxid_|-----BEGIN|[Pp]ass|PASS|[Pp]wd|密码|密碼|口令"
    r"|[Bb]earer |:[0-9A-Fa-f]{0,4}:|[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Aa]pi.?[Kk]ey|API.?K|令牌|QQ|微信号"
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


def _is_outside_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_link_local)


def _has_at(text: str) -> bool:
    return "@" in text


def _whole_number(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_NO_DIGIT_BEFORE}(?:{pattern}){_NO_DIGIT_AFTER}")


# The first rule to claim a stretch has it: an address is no phone number, a key no card.
_BLOCK_RULE = _Rule("KEY", re.compile(_PEM), _anything)
_RULES: tuple[_Rule, ...] = (
    _Rule("KEY", re.compile(f"{_NO_WORD_BEFORE}(?:{'|'.join(_SECRETS)})"), _is_secret),
    _Rule("KEY", re.compile(_BEARER), _is_mixed),
    _Rule("PASSWORD", re.compile(_LOGIN), _anything, _has_at),
    _Rule("PASSWORD", re.compile(_PASSWORD), _is_mixed),
    _Rule("PASSWORD", re.compile(_TOKEN), _is_mixed),
    _Rule("WXID", re.compile(r"(?<![0-9A-Za-z_])(?:wxid_[A-Za-z0-9_-]{5,}|[0-9]{5,}@chatroom)"), _anything),
    _Rule("WXID", re.compile(_WECHAT_NAME), _anything),
    _Rule("QQ", re.compile(_QQ), _anything, _has_digit),
    _Rule(
        "EMAIL",
        re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"),
        _anything,
        _has_at,
    ),
    _Rule("ID", re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])"), _is_citizen_id, _has_digit),
    _Rule("CARD", re.compile(_NAMED_CARD), _anything, _has_digit),
    _Rule("CARD", _whole_number(_CARD), _is_card, _has_digit),
    *(_Rule("PHONE", _whole_number(phone), _anything, _has_digit) for phone in _PHONES),
    _Rule(
        "IP",
        re.compile(rf"(?<![0-9A-Za-z.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9]|\.[0-9])"),
        _is_outside_address,
        _has_digit,
    ),
    _Rule("IP", re.compile(_IPV6), _is_outside_ipv6),
)
