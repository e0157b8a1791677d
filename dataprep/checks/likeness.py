"""Finds texts that are nearly the same by small samples of their word groups; memory and time are bounded."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from zlib import crc32

# Jaccard similarity from which two texts are nearly the same.
THRESHOLD = 0.8
# Characters that are compared at all: beyond them a file is too large to be reviewed by hand anyway.
MAX_CHARACTERS = 1_000_000
MAX_CHARACTERS_EACH = 2_000
_WORDS_IN_GROUP = 3
_LETTERS_IN_GROUP = 4
# Texts with fewer groups are greetings and the like, which may repeat.
_MIN_GROUPS = 12
_SAMPLE = 64
# Of the smallest hashes, texts that are nearly the same share half and more.
_KEYS = 8
_SHARED_KEYS = 4
_MAX_BUCKET = 16

Sample = tuple[int, ...]
Group = str | tuple[str, ...]
Digest = Callable[[Group], int]


def lasting(group: Group) -> int:
    """A hash that is the same in every process, for what must come out the same; slower than Python's own."""
    return crc32("".join(group).encode("utf-8", "surrogatepass"))


class Sampler:
    """Takes samples of texts for as many characters as are compared at all; `spent` says that some were not."""

    def __init__(self, characters: int = MAX_CHARACTERS, digest: Digest = hash) -> None:
        self._left = characters
        self._digest = digest

    @property
    def spent(self) -> bool:
        """Whether a text came after the last that was sampled."""
        return self._left < 0

    def take(self, text: str) -> Sample | None:
        """The sample of a text; None if it is too short to compare, or comes too late."""
        text = text[:MAX_CHARACTERS_EACH]
        self._left -= len(text)
        if self._left < 0:
            return None
        sample = take_sample(text, self._digest)
        return sample if len(sample) >= _MIN_GROUPS else None


class Likenesses:
    """Remembers samples of texts by their line; the smallest hashes of both texts together estimate the likeness."""

    def __init__(self, characters: int = MAX_CHARACTERS, digest: Digest = hash) -> None:
        self.sampler = Sampler(characters, digest)
        self._samples: dict[int, Sample] = {}
        self._buckets: dict[int, list[int]] = {}

    def nearest(self, text: str, line: int) -> tuple[int, float] | None:
        """The earlier line most like this text, and the share of groups they have in common; None if none is near."""
        return max(self.meet(text, line), key=lambda one: (one[1], -one[0]), default=None)

    def meet(self, text: str, line: int) -> list[tuple[int, float]]:
        """All earlier lines nearly like this text, each with its likeness; the text is remembered."""
        sample = self.sampler.take(text)
        if sample is None:
            return []
        found = list(self.near(sample))
        self.remember(sample, line)
        return found

    def near(self, sample: Sample) -> Iterator[tuple[int, float]]:
        """The remembered lines whose text is nearly the same, each with its likeness."""
        shared = Counter(one for key in sample[:_KEYS] for one in self._buckets.get(key, ()))
        for line, count in shared.items():
            if count >= _SHARED_KEYS and (alike := compare(sample, self._samples[line])) >= THRESHOLD:
                yield line, alike

    def remember(self, sample: Sample, line: int) -> None:
        """Keep a sample to compare others with."""
        self._samples[line] = sample
        for key in sample[:_KEYS]:
            bucket = self._buckets.setdefault(key, [])
            if len(bucket) < _MAX_BUCKET:
                bucket.append(line)


def take_sample(text: str, digest: Digest = hash) -> Sample:
    """The smallest hashes of a text's groups, in order: of words, or of letters where there are few blanks."""
    words = text.split()
    groups: Iterable[Group]
    if len(words) * 12 >= len(text):
        groups = zip(*(words[start:] for start in range(_WORDS_IN_GROUP)), strict=False)
    else:
        groups = (text[start : start + _LETTERS_IN_GROUP] for start in range(len(text) - _LETTERS_IN_GROUP + 1))
    return tuple(sorted(set(map(digest, groups)))[:_SAMPLE])


def compare(one: Sample, other: Sample) -> float:
    """The Jaccard similarity of two texts as their samples show it: exact while both are smaller than a sample."""
    first, second = set(one), set(other)
    union = first | second
    if max(len(one), len(other)) == _SAMPLE:
        union = set(sorted(union)[:_SAMPLE])
    return len(union & first & second) / len(union) if union else 0.0
