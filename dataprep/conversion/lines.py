"""Makes ready lines of a chat's messages: whose side, what policy, clean and masked words; turns are not made here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dataprep.conversion import kinds
from dataprep.conversion.cleaning import clean, is_chinese
from dataprep.conversion.kinds import Rules, Side
from dataprep.conversion.ledger import Ledger
from dataprep.conversion.options import Options
from dataprep.conversion.sessions import Chat
from dataprep.conversion.turns import Line
from dataprep.records import Kind, Message

_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes the lines of one chat; `own` tells the assistant's messages, `names` are what others call it."""

    chat: Chat
    own: Callable[[Message], bool]
    names: frozenset[str]
    quoted: Mapping[str, Message]
    chinese: bool
    options: Options
    rules: Rules
    mask: Callable[[str], str]

    def lines(self, messages: Iterable[Message], ledger: Ledger) -> Iterator[Line]:
        """Yield the lines of a session; what is dropped goes into the ledger."""
        for message in messages:
            side: Side = "assistant" if self.own(message) else "user"
            text = clean(message.text)
            policy = kinds.decide(message.kind, side, text, self.rules)
            if self._is_blocked(text):
                # Without the words of an answer, what follows would seem to answer its question.
                policy = "drop" if side == "user" else "cut"
                ledger.leave([message.place], "blocked_word")
            if policy == "keep" or policy == "placeholder":
                yield self._line(message, side, text, has_words=policy == "keep")
                continue
            ledger.leave([message.place], _reason(message.kind, text, policy))
            pause = policy == "drop" and (message.kind not in kinds.NOTICES or _may_be_answered(message))
            if pause or policy == "cut":
                yield Line(message.place, side, "", message.timestamp, cut=not pause, pause=pause)

    def _line(self, message: Message, side: Side, text: str, *, has_words: bool) -> Line:
        words, has_words = self._words(message.kind, text, has_words=has_words)
        if side == "user" and self.chat.is_group:
            words = self._name(message) + words
        origin = self.quoted.get(message.reply_to) if message.reply_to else None
        quoted = self._quotation(message, origin, side)
        by = self._name(origin) if origin is not None and self.chat.is_group and not self.own(origin) else ""
        addressed = bool(quoted or message.reply_to) if side == "assistant" else self._names_me(text)
        said_at = origin.place if origin is not None and quoted else None
        return Line(message.place, side, words, message.timestamp, has_words, quoted, by, said_at, addressed)

    def _words(self, kind: Kind, text: str, *, has_words: bool) -> tuple[str, bool]:
        """The words of a line, and whether they are somebody's: a picture's caption is."""
        if has_words:
            return self.mask(text), True
        stand_in = kinds.placeholder(kind, chinese=self.chinese)
        captioned = kinds.has_caption(kind, text)
        return f"{stand_in} {self.mask(text)}" if captioned else stand_in, captioned

    def _quotation(self, message: Message, origin: Message | None, side: Side) -> str:
        """What the message quotes, from its own text or from the message it replies to, unless that was left out."""
        text = clean(message.quoted_text) or (clean(origin.text) if origin is not None else "")
        if self._is_blocked(text):
            return ""
        own = origin is not None and self.own(origin)
        if origin is not None and ((own and side == "assistant") or self._is_dropped(origin, own=own)):
            return ""
        return self.mask(text)

    def _is_dropped(self, message: Message, *, own: bool) -> bool:
        """Whether its words are nobody's to learn: taken back, of a kind not taken, or blocked."""
        text = clean(message.text)
        policy = kinds.decide(message.kind, "assistant" if own else "user", text, self.rules)
        return self._is_blocked(text) or policy == "drop"

    def _is_blocked(self, text: str) -> bool:
        return any(word in text for word in self.options.blocked_words)

    def _name(self, message: Message) -> str:
        """How a speaker is named before what they say in a group; without a name by their number or id."""
        return f"{self.mask(clean(message.sender_name) or message.sender_id)}: "

    def _names_me(self, text: str) -> bool:
        return any(f"@{name}" in text for name in self.names)


def scribe_for(chat: Chat, own: Callable[[Message], bool], options: Options, mask: Callable[[str], str]) -> Scribe:
    """Return the scribe of a chat whose messages are in order."""
    names = frozenset(message.sender_name for message in chat.messages if message.sender_name and own(message))
    quoted = {message.message_id: message for message in chat.messages if message.message_id}
    chinese = any(is_chinese(message.text) for message in chat.messages[:_LOOKED_AT] if message.kind is Kind.TEXT)
    return Scribe(chat, own, names, quoted, chinese, options, options.policies(), mask)


def _may_be_answered(message: Message) -> bool:
    """Whether somebody may say something to what is dropped: to a robot, or to what a person took back."""
    return message.by_robot or (message.kind is Kind.RECALL and bool(message.sender_id))


def _reason(kind: Kind, text: str, policy: kinds.Policy) -> str:
    if kind in (Kind.TEXT, Kind.REPLY) and not text:
        return "quote_without_text" if kind is Kind.REPLY else "empty"
    if policy == "cut" and kinds.has_caption(kind, text):
        return "caption_cut"
    return f"{kind.name.lower()}_{'cut' if policy == 'cut' else 'dropped'}"
