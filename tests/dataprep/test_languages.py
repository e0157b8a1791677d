"""Which scripts and which language a text is in; a text that says little is in none."""

import pytest

from dataprep.languages import UNKNOWN, language, shares


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc 12!", {"Latin": 3}),
        ("你好abc", {"Han": 2, "Latin": 3}),
        ("こんにちは世界", {"Kana": 5, "Han": 2}),
        ("안녕", {"Hangul": 2}),
        ("Привет", {"Cyrillic": 6}),
        ("สวัสดี", {"Thai": 4}),
        ("123 ... 👍", {}),
    ],
)
def test_letters_are_counted_by_script(text: str, expected: dict[str, int]) -> None:
    assert shares(text) == expected


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("en", "What time does the ferry leave? It leaves at nine."),
        ("en", "I don't know, but I'll ask her."),
        ("zh", "渡船几点开？九点开。"),
        ("ja", "船は九時に出発します。"),
        ("ko", "배는 아홉 시에 떠나요."),
        ("ru", "Во сколько отходит паром? Он отходит в девять."),
        ("uk", "О котрій відходить пором? Він відходить о дев'ятій, але я не знаю, що це."),
        ("de", "Wann fährt die Fähre? Sie fährt um neun, und du bist nicht da."),
        ("fr", "À quelle heure part le ferry ? Il part à neuf heures et vous êtes en retard."),
        ("es", "¿A qué hora sale el barco? Sale a las nueve, pero no lo sé."),
        ("pt", "A que horas sai o barco? Não sei, mas você pode esperar."),
        ("it", "A che ora parte il traghetto? Parte alle nove, ma non lo so."),
        ("nl", "Hoe laat vertrekt het veer? Het vertrekt om negen uur, maar ik weet het niet."),
        ("pl", "O której odpływa prom? Nie wiem, ale to jest daleko."),
        ("tr", "Vapur ne zaman kalkıyor? Bilmiyorum ama çok geç değil."),
        ("vi", "Mấy giờ phà chạy? Tôi không biết, nhưng bạn có thể chờ."),
        ("id", "Jam berapa kapal berangkat? Saya tidak tahu, tapi kamu bisa tunggu di sini."),
        ("sv", "När går färjan? Jag vet inte, men den är sen och det är kallt."),
        ("ar", "متى تغادر العبارة؟ لا أعرف، لكن هذا في المساء."),
        ("fa", "کشتی چه ساعتی می‌رود؟ نمی‌دانم، اما این خوب است."),
        ("el", "Τι ώρα φεύγει το πλοίο;"),
        ("he", "מתי יוצאת המעבורת?"),
        ("hi", "नाव कब चलती है?"),
        ("th", "เรือออกกี่โมง"),
        ("zh", "把 print 改成 logging 就好了，记得先保存文件"),
    ],
)
def test_a_text_is_in_the_language_of_its_letters_and_common_words(expected: str, text: str) -> None:
    assert language(text, shares(text)) == expected


@pytest.mark.parametrize("text", ["", "42 👍", "lol", "xkcd foo bar", "OK"])
def test_a_text_that_says_little_is_in_no_known_language(text: str) -> None:
    assert language(text, shares(text)) == UNKNOWN
