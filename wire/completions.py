"""The body of a legacy completion request (SDK types/completion_create_params); it answers nothing."""

from typing import Annotated

from pydantic import ConfigDict, Field, field_validator

from wire.chat import Drawing
from wire.requests import Id

MOST_PROMPTS = 2048
_PROMPT = (
    f"a text or up to {MOST_PROMPTS} texts, none of them empty; token ids are not taken, for each model has its own"
)


class CompletionCreate(Drawing):
    """`POST /v1/completions`; unknown fields are ignored, as in a chat."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="ignore")
    model: Id
    prompt: str | list[str] = Field(description=_PROMPT)
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = Field(None, description="a whole number from 0 to 5")
    echo: bool | None = None
    best_of: Annotated[int, Field(ge=1, le=20)] | None = Field(None, description="a whole number from 1 to 20")
    suffix: str | None = None

    @field_validator("prompt")
    @classmethod
    def _has_words(cls, prompt: str | list[str]) -> str | list[str]:
        prompts = [prompt] if isinstance(prompt, str) else prompt
        if not (all(prompts) and 0 < len(prompts) <= MOST_PROMPTS):
            raise ValueError("empty")
        return prompt

    @property
    def prompts(self) -> list[str]:
        """The prompts, one or many."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt
