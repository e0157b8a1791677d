"""Token counts beside the real tiktoken's: 10,000 texts in many scripts, and every character by itself."""

import hashlib
import random
from collections.abc import Iterable, Iterator
from typing import get_args

import pytest

from dataprep.tokens import Encoding, count, load
from tests import real_tiktoken

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
# What OpenAI publishes, as tiktoken itself has it.
HASHES = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
SPECIAL = [
    *("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>", "<|im_start|>"),
    *("<|im_end|>", "<|im_sep|>", "<|start|>", "<|channel|>", "<|message|>", "<|return|>", "<|reserved_200013|>"),
    *("<|endoftext", "|endoftext|>", "<|", "|>", "<s>", "</s>", "[INST]", "<|endoftext|><|endoftext|>"),
]
# First and last character of stretches of the scripts.
SCRIPTS = {
    "latin": ["AZ", "az", "az", "az"],
    "accents": ["az", "\u00c0\u024f", "\u0300\u036f", "\u1e00\u1eff"],
    "cyrillic": ["\u0400\u04ff", "\u0430\u044f", "\u0410\u042f"],
    "greek": ["\u0391\u03a1", "\u03b1\u03c9", "\u1f00\u1f15"],
    "armenian": ["\u0531\u0556", "\u0561\u0587"],
    "georgian": ["\u10a0\u10c5", "\u10d0\u10fa", "\u1c90\u1cba"],
    "hebrew": ["\u05d0\u05ea", "\u05b0\u05bd"],
    "arabic": ["\u0620\u064a", "\u064b\u0652", "\u0660\u0669", "\u06a9\u06d3", "\ufe8d\ufefc"],
    "devanagari": ["\u0900\u097f", "\u0915\u0939", "\u093e\u094d", "\u0966\u096f"],
    "bengali": ["\u0985\u0994", "\u0995\u09b9", "\u09be\u09cd", "\u09e6\u09ef"],
    "tamil": ["\u0b85\u0bb9", "\u0bbe\u0bcd"],
    "telugu": ["\u0c05\u0c39", "\u0c3e\u0c4d"],
    "thai": ["\u0e01\u0e3a", "\u0e40\u0e5b"],
    "tibetan": ["\u0f40\u0f6c", "\u0f71\u0f84"],
    "burmese": ["\u1000\u109f"],
    "khmer": ["\u1780\u17d3"],
    "ethiopic": ["\u1200\u137c"],
    "cherokee": ["\u13a0\u13f5", "\uab70\uabbf"],
    "mongolian": ["\u1810\u1878"],
    "kana": ["\u3041\u3096", "\u30a1\u30fc", "\uff66\uff9f"],
    "hangul": ["\uac00\ud7a3", "\u1100\u11ff", "\u3131\u3163"],
    "chinese": ["\u4e00\u9fa5", "\u4e00\u5fff", "\u3001\u3011", "\uff01\uff5e"],
    "rare chinese": ["\u3400\u4db5", "\U00020000\U0002a6d6", "\uf900\ufa2d"],
    "gothic and cuneiform": ["\U00010330\U0001034a", "\U00012000\U0001236e", "\U00010400\U0001044f"],
    "mathematics": ["\u2200\u22ff", "\u2190\u21ff", "\u2070\u208e", "\U0001d400\U0001d7ff", "\u00b2\u00b3"],
    "numerals": ["09", "09", "\u2160\u2188", "\u2460\u249b", "\uff10\uff19", "\u0e50\u0e59"],
    "symbols": ["!/", ":@", "[`", "{~", "\u2000\u206f", "\u20a0\u20bf", "\u2500\u257f", "\u2800\u28ff"],
    "emoji": ["\U0001f300\U0001f64f", "\U0001f680\U0001f6d2", "\U0001f900\U0001f9ff", "\u2600\u27bf"],
    "control": ["\x00\x1f", "\x7f\x9f", "\u200b\u200f", "\ufeff\ufeff", "\ufff9\uffff", "\ue000\uf8ff"],
    "half characters": ["\ud83c\ud83e", "\udc00\udfff", "az"],
}
FACES = [
    *("👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇳", "🇩🇪🇫🇷", "❤️", "1️⃣", "👨🏿‍🚀", "🧑‍💻", "☎️", "🫠"),
    *("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\u200d", "\ufe0f", "🏽", "[捂脸]", "(￣▽￣)", "¯\\_(ツ)_/¯"),
]
PHRASES = [
    *("I'm", "you'll", "THEY'VE", "don't", "it's", "WE'RE", "he'd", "'s", "'ſ", "O'Reilly", "’s", "rock'n'roll"),
    *("def f(x):\n    return x + 1\n", "\tif (a[i] != b) {\n\t\tbreak;\n\t}\n", "\r\n", "```python\n", "camelCase"),
    *("snake_case_name", "HTTPServer2", "#include <x.h>\n", "SELECT * FROM t;", "</div>\n\n", "0xDEADBEEF", "!=="),
    *("\\frac{a}{b}", "$x^2$", "https://example.com/a?b=c&d=%20#e", "a@example.com", "2026-01-05 09:12", "$1,234.56"),
    *("你好，世界", "我的电话是13812345678", "こんにちは", "안녕하세요", "Привет", "مرحبا", "שלום", "नमस्ते"),
]
# Characters that are new in Unicode 17, which quicktok has and tiktoken (Unicode 16) has not; the second part are
# marks, which to o200k_base alone are like letters.
NEW_LETTERS_AND_NUMBERS = (
    "88f c5c cdc a7ce-a7cf a7d2 a7d4 a7f1 10940-10959 10ec5-10ec7 11db0-11ddb 11de0-11de9 16ea0-16eb8 16ebb-16ed3"
    " 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1e6c0-1e6de 1e6e0-1e6e2 1e6e4-1e6e5 1e6e7-1e6ed 1e6f0-1e6f4"
    " 1e6fe-1e6ff 2b73a-2b73f 2cea2-2cead 323b0-33479"
)
NEW_MARKS = " 1acf-1add 1ae0-1aeb 10efa-10efb 11b60-11b67 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5"
NEW: dict[Encoding, str] = {"cl100k_base": NEW_LETTERS_AND_NUMBERS, "o200k_base": NEW_LETTERS_AND_NUMBERS + NEW_MARKS}


@pytest.fixture(autouse=True, scope="module")
def vocabularies() -> Iterator[None]:
    """Both, held: each test wants now one, now the other."""
    held = [load(encoding) for encoding in ENCODINGS]
    yield
    del held


def write(chance: random.Random, script: str) -> str:
    """A word of a script, of one to twelve characters."""
    ranges = [(ord(ends[0]), ord(ends[1])) for ends in chance.choices(SCRIPTS[script], k=chance.randint(1, 12))]
    return "".join(chr(chance.randint(*ends)) for ends in ranges)


def write_blank(chance: random.Random) -> str:
    """What stands between two words: mostly a space, seldom nothing, now and then a run of blanks."""
    if chance.random() < 0.7:
        return " "
    blanks = " " * 8 + "\t" * 3 + "\n" * 4 + "\r\x0b\x0c\x85\xa0\u2003\u2028\u3000"
    return "".join(chance.choices(blanks, k=chance.randint(0, 9)))


def write_piece(chance: random.Random, script: str) -> str:
    """Mostly a word; now and then digits, one character many times, a special token, emoji or a phrase."""
    kind = chance.random()
    if kind < 0.75:
        return write(chance, script)
    if kind < 0.8:
        return "".join(chance.choices("0123456789", k=chance.randint(1, 20)))
    if kind < 0.84:
        return chance.choice("aA0 .\n-=!一ー你ก") * chance.randint(2, 80)
    return chance.choice(chance.choice((SPECIAL, FACES, PHRASES)))


def texts(number: int) -> Iterator[str]:
    """Texts of 1 to 40 pieces, always the same; each script in turn, every other time mixed with all the others."""
    chance, scripts = random.Random(9527), list(SCRIPTS)
    for turn in range(number):
        script, mixed = scripts[turn % len(scripts)], turn // len(scripts) % 2
        pieces = [
            write_piece(chance, chance.choice(scripts) if mixed else script) + write_blank(chance)
            for _ in range(chance.randint(1, 40))
        ]
        yield "".join(pieces)


def differing(encoding: Encoding, texts: Iterable[str]) -> list[str]:
    """The texts that we count otherwise than tiktoken, to which strings of special tokens are text here."""
    real = real_tiktoken.load(encoding)
    return [text for text in texts if count(text, encoding) != len(real.encode_ordinary(text))]


def codepoints(stretches: str) -> Iterator[int]:
    for stretch in stretches.split():
        first, _, last = stretch.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_vocabulary_is_the_published_one_to_the_byte(encoding: Encoding) -> None:
    assert hashlib.sha256(real_tiktoken.vocabulary(encoding)).hexdigest() == HASHES[encoding]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_ten_thousand_texts_in_many_scripts_count_as_with_tiktoken(encoding: Encoding) -> None:
    assert differing(encoding, texts(10_000)) == []


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("special", SPECIAL)
def test_a_special_token_counts_as_the_text_it_is(special: str, encoding: Encoding) -> None:
    assert differing(encoding, [special, f"a{special}b", f"{special} {special}\n", f"你好{special}世界"]) == []
    assert count(f"{special}{special}", encoding) > 2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_character_counts_otherwise_but_those_new_in_unicode_17(encoding: Encoding) -> None:
    """Between an apostrophe and digits, where a letter, a number and a mark are cut differently."""
    characters = (chr(code) for code in range(0x40000) if not 0xD800 <= code < 0xE000)
    others = differing(encoding, (f"{one}'s {one}'s 1{one}22\n" for one in characters))
    assert [ord(text[0]) for text in others] == sorted(codepoints(NEW[encoding]))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_halves_of_a_character_count_as_with_tiktoken(encoding: Encoding) -> None:
    """JSON can hold them; two that fit are the character again."""
    assert differing(encoding, ["\ud83d", "a\udc4db", "\udc4d\ud83d", "\ud83d\udc4d", "x\ud83d\ud83d\udc4d"]) == []
    assert count("\ud83d\udc4d", encoding) == count("👍", encoding)
