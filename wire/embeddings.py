"""The body of an embeddings request (wire reference 4.2); it answers nothing."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from wire.requests import Id, Strict

MOST_TEXTS = 2048
_INPUT = f"a text or up to {MOST_TEXTS} texts, or the token ids of one or of each, none of them empty"
Ids = list[int]


class EmbeddingCreate(Strict):
    """`POST /v1/embeddings`; unknown fields are ignored, as in a chat."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="ignore")
    model: Id
    input: str | list[str] | Ids | list[Ids] = Field(description=_INPUT)
    encoding_format: Literal["float", "base64"] | None = Field(None, description="'float' or 'base64'")
    dimensions: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number above 0")
    user: str | None = None

    @field_validator("input")
    @classmethod
    def _has_words(cls, given: str | list[str] | Ids | list[Ids]) -> str | list[str] | Ids | list[Ids]:
        texts = _each(given)
        if not (texts and all(texts) and len(texts) <= MOST_TEXTS):
            raise ValueError("empty")
        return given

    @property
    def texts(self) -> Sequence[str | Ids]:
        """The texts, one or many, or each one's token ids."""
        return _each(self.input)


def _each(given: str | list[str] | Ids | list[Ids]) -> Sequence[Any]:
    is_one = isinstance(given, str) or (bool(given) and isinstance(given[0], int))
    return [given] if is_one else given
