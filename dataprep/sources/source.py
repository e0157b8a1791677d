"""What a reader of exports is: a name, a way to recognise its files, and a way to read them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dataprep.records import Row

HEAD_BYTES = 64 * 1024


class UnreadableSource(Exception):
    """The file cannot be read as what it was recognised as, or named to be; the message says why and the way out."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first look at an input: its label, its first 64 KiB as bytes and as text (no byte order mark), its folder.

    `path` may be a folder (Slack, QQ chunks) or a ZIP; `text` is then empty. `encoding` is the one to read the file in;
    where it is empty, whoever opens the file guesses. A text is recognised without its path, which may be nowhere.
    """

    path: Path
    label: str
    raw: bytes
    text: str
    encoding: str = ""
    is_folder: bool = False

    @property
    def suffix(self) -> str:
        """The label's ending in lower case, with its dot."""
        return Path(self.label).suffix.lower()


@dataclass(frozen=True, slots=True)
class Source:
    """One export format.

    `recognise` returns why the input is of this format, in a few words, or None. `read` yields every row in the order
    of the file and raises UnreadableSource if the file is not what it seemed. Both get the input's head; neither holds
    the whole file in memory where its format allows that. `lacks` says what every file of the format keeps back, where
    that costs answers or sessions; `caution` what one should know before training on such files; empty for most.
    """

    name: str
    title: str
    recognise: Callable[[Head], str | None]
    read: Callable[[Head], Iterator[Row]]
    lacks: str = ""
    caution: str = ""
