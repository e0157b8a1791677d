"""The body of an embeddings request (wire reference 4.2); it answers nothing."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from wire.requests import Id, Strict

MOST_TEXTS = 2048
_INPUT = (
    f"a text or up to {MOST_TEXTS} texts, none of them empty; token ids are not taken, for each model has its own "
    "(LangChain sends texts with check_embedding_ctx_length=False)"
)


class EmbeddingCreate(Strict):
    """`POST /v1/embeddings`; unknown fields are ignored, as in a chat."""

    model_config = ConfigDict(strict=True, extra="ignore")
    model: Id
    input: str | list[str] = Field(description=_INPUT)
    encoding_format: Literal["float", "base64"] | None = Field(None, description="'float' or 'base64'")
    dimensions: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number above 0")
    user: str | None = None

    @field_validator("input")
    @classmethod
    def _has_words(cls, given: str | list[str]) -> str | list[str]:
        texts = [given] if isinstance(given, str) else given
        if not (all(texts) and 0 < len(texts) <= MOST_TEXTS):
            raise ValueError("empty")
        return given

    @property
    def texts(self) -> list[str]:
        """The texts, one or many."""
        return [self.input] if isinstance(self.input, str) else self.input
