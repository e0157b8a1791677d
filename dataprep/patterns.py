"""Regular expressions of what is personal or secret in a text, as strings; who finds it with them is `masking`."""

from collections.abc import Iterable

# Look-arounds, not \b: there is no word boundary between a Chinese character and a digit.
NO_DIGIT_BEFORE = r"(?<![0-9])(?<![0-9]\.)"
NO_DIGIT_AFTER = r"(?![0-9])"
NO_WORD_BEFORE = r"(?<![A-Za-z0-9])"

SECRETS = (
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
PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
    r"(?:[^-]*+(?:-(?!----)[^-]*+)*-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|[A-Za-z0-9+/=\s]*)"
)
# What stands where a password does: in an address, or behind the word for it.
LOGIN = r"(?<=://)[^\s/:@]{1,64}:[^\s/@]{1,128}(?=@)"
_PASSWORD_WORDS = ("[Pp]assword", "PASSWORD", "[Pp]asswd", "[Pp]wd", "密码", "密碼", "口令")
_TOKEN_WORDS = [
    "[Tt]oken",
    "TOKEN",
    "[Ss]ecret",
    "SECRET",
    "[Aa]pi[_-][Kk]ey",
    "[Aa]pi[Kk]ey",
    "API.KEY",
    "API.key",
    "令牌",
]
_CALLS = ("[=:：是]", "[=:：是] ", " = ", " is ")
_QUOTES = ("[=:：][\"'“]", "[=:：] [\"'“]", " = [\"'“]", "[\"'][:：][\"']", "[\"'][:：] [\"']")
_SIGNS = "[A-Za-z0-9!@#$%^&*_+.-]"


def _called(words: Iterable[str], marks: Iterable[str], secret: str) -> str:
    """A pattern of a secret behind one of the words for it.

    The characters on both sides first: looking back for each of the words, at every place in a text, takes ten times as
    long, and at every one of many blanks still.
    """
    before = "|".join(f"(?<={word}{mark})" for word in words for mark in marks)
    return rf"(?={_SIGNS})(?<=[=:：是 \"'“])(?:{before}){secret}(?![A-Za-z0-9(\[])"


PASSWORD = _called(_PASSWORD_WORDS, _CALLS, rf"{_SIGNS}{{6,64}}")
# What goes on with a dot, a slash or a dash is a name in a program, or of a model.
TOKEN = _called(
    _TOKEN_WORDS,
    (*_CALLS, *_QUOTES),
    r"(?:[A-Za-z0-9_]{12,512}=*|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![/-]|\.[A-Za-z0-9])",
)
BEARER = r"(?:(?<=Bearer )|(?<=bearer ))[A-Za-z0-9._~+/-]{20,}=*"
IPV6 = r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![0-9A-Za-z:.])"
OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
PHONES = (
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
CARD = (
    r"(?<!\+)[0-9]{13}(?![0-9])|[0-9]{14,19}|[0-9]{4}(?:[ -][0-9]{4}){3}(?:[ -]?[0-9]{1,3})?"
    r"|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}"
)


def _behind(*words: str, marks: tuple[str, ...] = ("", "[:：是 ]", "[:：是] ")) -> str:
    """A pattern of the place behind a word, or behind it and a colon."""
    return "(?:" + "|".join(f"(?<={word}{mark})" for word in words for mark in marks) + ")"


# A number that is called a card's is one, mistyped or not.
NAMED_CARD = _behind("卡号", "[账帐]号") + r"[0-9]{16,19}(?![0-9])"
_QQ_WORDS = _behind("[Qq][Qq]号") + "|" + _behind("[Qq][Qq]", marks=("", "[:：]", "[:：] "))
QQ = rf"(?:{_QQ_WORDS})[1-9][0-9]{{5,10}}(?![0-9A-Za-z])"
WECHAT_NAME = _behind("微信号") + r"[A-Za-z][A-Za-z0-9_-]{5,19}(?![A-Za-z0-9_-])"
