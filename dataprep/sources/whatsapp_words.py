"""What WhatsApp itself writes into a chat, in the languages of its exports: media, deletions, edits, calls, notices.

A phrase of a language that is not here stays text, unless iOS marks it as its own.
"""

import re

from dataprep.placeholders import NOUNS, OMITTED, any_of, is_media_note
from dataprep.records import Kind

_OWN_MARK = "\u200e"
_MARKS = re.compile("[\u200e\u200f\ufeff\u202a-\u202c\u2066-\u2069]")
_IGNORE_CASE = re.IGNORECASE


_MARKED = re.compile(rf"[^<>\n]{{0,200}}{OMITTED}[^<>\n]{{0,20}}", _IGNORE_CASE)
_IN_BRACKETS = any_of(
    "attached / anhang / adjunto / anexado / pièce jointe / allegato / bijgevoegd / 附件 / 已附加 / 添付ファイル"
)
_BEHIND = any_of("""
    file attached / datei angehängt / archivo adjunto / fichier joint / arquivo anexado / file allegato
    bestand bijgevoegd / 文件附件 / 附件 / 檔案已附加 / 添付ファイル / 파일 첨부됨 / файл добавлен
""")
_ATTACHED = re.compile(
    rf"<{_IN_BRACKETS}\s?[:：]\s?([^<>\n]+)>|([^\n]{{1,200}}\.\w{{2,5}}) \({_BEHIND}\)", _IGNORE_CASE
)
_ENDINGS = {
    "jpg jpeg png heic": Kind.IMAGE,
    "webp": Kind.STICKER,
    "mp4 mov 3gp mkv gif": Kind.VIDEO,
    "opus ogg m4a mp3 aac amr": Kind.VOICE,
    "vcf": Kind.CARD,
}
_KIND_OF_ENDING = {ending: kind for endings, kind in _ENDINGS.items() for ending in endings.split()}
_LOCATION = re.compile(r"(?:[^\s:：][^\n:：]{0,30}[:：] ?)?https://(?:maps\.google\.com|foursquare\.com)/\S+")
_DELETED = re.compile(
    any_of("""
        this message was deleted / you deleted this message
        diese nachricht wurde gelöscht / du hast diese nachricht gelöscht
        se eliminó este mensaje / este mensaje fue eliminado / eliminaste este mensaje
        ce message a été supprimé / vous avez supprimé ce message
        (?:esta )?mensagem (?:foi )?apagada / você apagou esta mensagem
        questo messaggio è stato eliminato / hai eliminato questo messaggio
        dit bericht (?:is|werd) verwijderd / je hebt dit bericht verwijderd
        (?:这|此)条?消息已被?(?:删除|撤回) / [你您]已?(?:删除|撤回)了?(?:此|这|一)?条?消息
        (?:這|此)[則条條]?訊息已被?(?:刪除|收回) / [你您]已?(?:刪除|收回)了?(?:此|這|一)?[則條]?訊息
        このメッセージは削除されました / メッセージを削除しました / 삭제된 메시지입니다 / 이 메시지는 삭제되었습니다
        данное сообщение удалено / вы удалили данное сообщение
    """)
    + r"[.。]?",
    _IGNORE_CASE,
)
_EDIT_WORDS = any_of(
    "edited / bearbeitet / editó / editad[oa] / modifié / modificato / bewerkt / 编辑 / 編輯 / 編集 / 수정 / изменено"
)
_EDIT_MARK = re.compile(rf"[^<>\n]{{0,60}}{_EDIT_WORDS}[^<>\n]{{0,20}}>", _IGNORE_CASE)
_CALL = any_of("""
    (?:group )?(?:voice|video) call / (?:sprach|video)anruf / llamada de (?:voz|vídeo) / appel (?:vocal|vidéo)
    (?:语音|视频|語音|視訊)(?:通话|通話|来电|來電) / 音声通話 / ビデオ通話
""")
_MISSED = any_of(rf"""
    missed {_CALL} / verpasster {_CALL} / appel (?:vocal|vidéo) manqué / llamada perdida
    未接(?:听的)?{_CALL} / 不在着信
""")
# People say "video call" too: without a mark it takes `missed` before it, or a length behind it.
_CALLED = re.compile(
    rf"{_MISSED}[^\n]{{0,40}}|{_CALL}[,，.] ?(?:\d|no answer|keine antwort)[^\n]{{0,40}}", _IGNORE_CASE
)
_MARKED_CALL = re.compile(rf"[^\n]{{0,20}}{_CALL}[^\n]{{0,60}}", _IGNORE_CASE)
_POLLS = {"POLL", "UMFRAGE", "ENCUESTA", "SONDAGE", "ENQUETE", "SONDAGGIO", "投票", "投票活动"}


def read_words(raw: str) -> tuple[Kind, str]:
    """Return the kind of what follows a name, and its words: a caption, a file's name, a text without its edit mark."""
    marked = raw.lstrip(" ").startswith(_OWN_MARK)
    text = _MARKS.sub("", raw).strip()
    first, _, rest = text.partition("\n")
    first, caption = first.strip(), rest.strip()
    if attached := _ATTACHED.fullmatch(first):
        return _read_attachment(attached[1] or attached[2], caption)
    # Behind a file's name and its pages, iOS marks what it says of it.
    told = _MARKS.sub("", raw.lstrip().partition("\n")[0].rpartition(_OWN_MARK)[2]).strip()
    if kind := _read_placeholder(first, marked) or (_read_placeholder(told, marked=False) if " • " in first else None):
        name = first.partition(" • ")[0] if " • " in first else ""
        return kind, "\n".join(part for part in (name, caption) if part)
    if _DELETED.fullmatch(text):
        return Kind.RECALL, text
    if text == "null":
        return Kind.OTHER, ""
    if _LOCATION.fullmatch(text):
        return Kind.LOCATION, ""
    if _is_call(text, marked):
        return Kind.CALL, text
    if caption and first.endswith((":", "：")) and first[:-1].upper() in _POLLS:
        return Kind.SHARE, caption
    # WhatsApp on iOS starts its own words with this mark; people do not.
    if marked:
        return Kind.SYSTEM, text
    words, _, mark = text.rpartition("<")
    return Kind.TEXT, words.rstrip() if _EDIT_MARK.fullmatch(mark) else text


def read_notice(raw: str) -> tuple[Kind, str]:
    """Return the kind and the words of a line without a name."""
    text = _MARKS.sub("", raw).strip()
    return (Kind.CALL if _is_call(text, marked=True) else Kind.SYSTEM), text


def _is_call(text: str, marked: bool) -> bool:
    return bool(_CALLED.fullmatch(text) or (marked and _MARKED_CALL.fullmatch(text)))


def _read_attachment(name: str, caption: str) -> tuple[Kind, str]:
    kind = _KIND_OF_ENDING.get(name.rpartition(".")[2].lower(), Kind.FILE)
    if kind is Kind.STICKER and not re.search("stk|sticker", name, _IGNORE_CASE):
        kind = Kind.IMAGE
    if kind is Kind.FILE:
        return kind, "\n".join(part for part in (name.strip(), caption) if part)
    return kind, caption


def _read_placeholder(line: str, marked: bool) -> Kind | None:
    if is_media_note(line) or (marked and _MARKED.fullmatch(line)):
        return next((kind for kind, nouns in NOUNS if re.search(nouns, line, _IGNORE_CASE)), None)
    return None
