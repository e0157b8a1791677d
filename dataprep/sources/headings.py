"""What people call the columns of a sheet of questions and answers, in many languages; it reads no sheet."""

import re
import unicodedata
from functools import lru_cache

MAX_HEADING = 200


def _names(written: str) -> frozenset[str]:
    """The names that stand between `/` and line ends, one language a line."""
    return frozenset(name.strip() for line in written.strip().split("\n") for name in line.split("/"))


QUESTION = _names("""
    question / questions / q / prompt / instruction / user question
    问题 / 标准问 / 标准问题 / 提问 / 问 / 问句 / 用户问题 / 用户提问 / 常见问题
    問題 / 標準問 / 標準問題 / 提問 / 問 / 問句 / 用戶問題 / 使用者問題 / 常見問題
    質問 / 問い / 質問内容 / 질문 / 문의
    frage / fragen / vraag / vragen / fråga / frågor / spørgsmål / spørsmål / kysymys
    pregunta / preguntas / pergunta / perguntas / domanda / domande / întrebare
    pytanie / pytania / otázka / вопрос / вопросы / питання / запитання / soru / kérdés / ερώτηση / câu hỏi
""")
ANSWER = _names("""
    answer / answers / a / completion / output / response
    答案 / 标准答案 / 标准答 / 回答 / 回复 / 答复 / 答
    標準答案 / 標準答 / 回覆 / 回復 / 答覆 / 解答
    回答内容 / 答え / 答弁 / 답변 / 답 / 대답
    antwort / antworten / antwoord / antwoorden / svar / vastaus
    respuesta / respuestas / resposta / respostas / réponse / réponses / reponse / risposta / risposte / răspuns
    odpowiedź / odpowiedzi / odpověď / ответ / ответы / відповідь / cevap / yanıt / válasz / απάντηση / câu trả lời
""")
SIMILAR = _names("""
    similar question / similar questions
    相似问 / 相似问题 / 相似问法
    相似問 / 相似問題 / 相似問法
""")
# What the sides of a talk are called: of a question and its answer if both are there.
USER, ASSISTANT = (
    _names("user / human / 用户 / 用戶"),
    _names("assistant / bot / chatbot / gpt / ai / 助手 / 机器人 / 機器人"),
)
INPUT, SYSTEM = frozenset({"input"}), frozenset({"system"})
# Headings of chat logs: two columns of those are no questions and answers.
CHAT = _names("""
    time / date / timestamp / sender / from / name / message / msg / content / text / author / user / talker
    时间 / 发送人 / 发送者 / 昵称 / 内容 / 消息
    時間 / 傳送者 / 發送人 / 發送者 / 暱稱 / 內容 / 訊息
""")


def name_of(cell: str) -> str:
    """A heading without what people put around it: `*问题（必填）:` is 问题; nothing of a cell too long for one."""
    return _name_of(cell) if len(cell) <= MAX_HEADING else ""


# A damaged file may have the same cell a hundred thousand times.
@lru_cache(4096)
def _name_of(cell: str) -> str:
    composed = unicodedata.normalize("NFC", cell)
    return re.sub(r"[(（\[【].*", "", composed).strip(" \t\r\n*:：\ufeff").casefold()
