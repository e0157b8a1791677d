"""Says which scripts and which language a text is written in, by its letters and commonest words; it loads nothing.

A model of language identification would tell more apart, but the small ones weigh as much as the whole service or
come under terms that pass on; of a training file only its main languages matter.
"""

import re
from collections import Counter

UNKNOWN = "und"  # as ISO 639-2 writes it
# A handful of words says little.
_MIN_WORDS = 2
# The letters of the scripts that most people write in; what is in none of them is left out.
_SCRIPTS = {
    "Latin": r"A-Za-z\xaa\xba\xc0-\xd6\xd8-\xf6\xf8-\u024f\u1e00-\u1eff",
    "Han": r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "Kana": r"\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9f",
    "Hangul": r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "Cyrillic": r"\u0400-\u052f",
    "Greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "Arabic": r"\u0620-\u064a\u066e-\u06d3\u0750-\u077f",
    "Hebrew": r"\u05d0-\u05ea",
    "Devanagari": r"\u0904-\u0939",
    "Thai": r"\u0e01-\u0e30\u0e40-\u0e46",
}
_LETTERS = {name: re.compile(f"[{letters}]+") for name, letters in _SCRIPTS.items()}
# Where one language is by far the commonest in its script.
_BY_SCRIPT = {
    "Han": "zh",
    "Kana": "ja",
    "Hangul": "ko",
    "Greek": "el",
    "Hebrew": "he",
    "Devanagari": "hi",
    "Thai": "th",
}
# Words that every text of the language is full of.
_WORDS = {
    "en": "the and you is to of it that what for with are was i my not have this do your but be can how",
    "de": "und der die das ist nicht ich du ein eine zu mit auf es den wie was ja wir auch für sie von im",
    "fr": "et le la les des est un une je tu pas que qui pour dans vous nous ce du au avec c'est oui mais",
    "es": "el los las y es un una que no por para con está qué yo tú como pero muy lo se del al sí más",
    "pt": "o os as e é um uma que não por para com está você eu como mas muito do da em no na sim mais",
    "it": "il lo gli e è un una che non per con sono io tu come ma di del della sì più cosa hai anche ho",
    "nl": "de het een en is niet ik je dat van op te met voor wat zijn maar ook er aan hoe ja nog we dit",
    "pl": "i w nie to na się z że jest co jak do tak ale ja mam czy już mi ty po dla jestem za go",
    "tr": "ve bir bu da de için ne çok ben sen değil var mı mi ile ama evet hayır gibi daha nasıl şey o",
    "vi": "là và của có không tôi bạn một cho được này với những gì thì đã anh em ở người cũng rồi",
    "id": "yang dan di ini itu tidak saya kamu untuk dengan ada apa ke dari aku juga bisa ya sudah kita",
    "sv": "och det är jag inte du en ett som på att för med vad har den av till om men så ja vi",
    "ru": "и в не на я что это с он ты как а то все она так его но да мы у вы за нет",
    "uk": "і в не на я що це з він ти як а та все вона так його але ми у ви за ні є",
    "ar": "في من على أن لا ما هذا هل أنا إلى كان مع عن هو هي يا كل أنت نعم كيف",
    "fa": "و در به از که این است را با من تو آن برای چه هم یک نه چی شما خوب",
}
_LANGUAGES_OF_SCRIPT = {
    "Latin": ("en", "de", "fr", "es", "pt", "it", "nl", "pl", "tr", "vi", "id", "sv"),
    "Cyrillic": ("ru", "uk"),
    "Arabic": ("ar", "fa"),
}
_LANGUAGES_OF_WORD: dict[str, dict[str, list[str]]] = {}
for _script, _languages in _LANGUAGES_OF_SCRIPT.items():
    _LANGUAGES_OF_WORD[_script] = {}
    for _language in _languages:
        for _word in _WORDS[_language].split():
            _LANGUAGES_OF_WORD[_script].setdefault(_word, []).append(_language)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def shares(text: str) -> Counter[str]:
    """Return how many letters of each script a text holds."""
    names = ["Latin"] if text.isascii() else list(_LETTERS)
    return Counter({name: number for name in names if (number := sum(map(len, _LETTERS[name].findall(text))))})


def language(text: str, letters: Counter[str]) -> str:
    """Return the language (ISO 639-1) that most of the text is in, of some twenty-three; UNKNOWN if in doubt.

    `letters` is what `shares` says of the text. Han with Kana among it is Japanese. Where several languages share a
    script, their commonest words decide.
    """
    if not letters:
        return UNKNOWN
    main = letters.most_common(1)[0][0]
    if main == "Han" and letters["Kana"]:
        return "ja"
    return _BY_SCRIPT.get(main) or _by_words(text, _LANGUAGES_OF_WORD[main])


def _by_words(text: str, languages_of_word: dict[str, list[str]]) -> str:
    """The language with the most of its common words here; a word that several have is shared among them."""
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.lower()):
        for one in languages_of_word.get(word, ()):
            found[one] += 12 // len(languages_of_word[word])
    ranked = found.most_common(2)
    if not ranked or ranked[0][1] < _MIN_WORDS * 6 or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return UNKNOWN
    return ranked[0][0]
