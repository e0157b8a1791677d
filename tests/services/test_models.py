"""What is said about models that OpenAI shut down."""

from datetime import date

import pytest

from services.models import explain, kind_of, shut_down_on
from wire.errors import ApiError, NotFound

TODAY = date(2026, 11, 23)


def not_found(code: str | None = "model_not_found") -> ApiError:
    return NotFound("The model does not exist.", code=code)


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("gpt-3.5-turbo-1106", date(2026, 9, 28)),
        ("gpt-3.5-turbo", date(2026, 10, 23)),
        ("gpt-4o-mini-2024-07-18", date(2027, 1, 14)),
        ("ft:gpt-4o-mini-2024-07-18:personal:x:12345678", date(2027, 1, 14)),
        ("ft:gpt-3.5-turbo-1106:personal:suffix-2ywim9:8dw83FNm", date(2026, 10, 23)),
        ("ft:gpt-4.1-mini-2025-04-14:org::abc:ckpt-step-10", date(2027, 1, 14)),
        ("gpt-5.6-terra", None),
        ("ft:", None),
        ("", None),
    ],
)
def test_the_day_of_a_models_end(model: str, day: date | None) -> None:
    assert shut_down_on(model) == day


def test_a_retired_model_is_explained() -> None:
    told = explain(not_found(), "gpt-3.5-turbo-1106", TODAY)
    assert told.status == 404
    assert "2026-09-28" in told.message
    assert "DEFAULT_MODEL" in told.message


def test_a_model_that_still_lives_is_not_called_dead() -> None:
    failure = not_found()
    assert explain(failure, "gpt-4o-mini", TODAY) is failure
    assert "2027-01-14" in explain(failure, "gpt-4o-mini", date(2027, 1, 14)).message


def test_another_failure_about_a_retired_model_stays_as_it_is() -> None:
    failure = ApiError("Too many requests.", code="rate_limit_exceeded", status=429)
    assert explain(failure, "gpt-3.5-turbo-1106", TODAY) is failure


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("other", "whisper-1 tts-1-hd dall-e-3 gpt-image-1-mini chatgpt-image-latest sora-2 omni-moderation-latest"),
        ("other", "gpt-4o-mini-tts gpt-4o-transcribe gpt-4o-realtime-preview gpt-realtime-mini gpt-4o-audio-preview"),
        ("embeddings", "text-embedding-3-large nomic-embed-text"),
        ("base", "gpt-4o gpt-4.1-mini-2025-04-14 gpt-5.6-terra o3 chatgpt-4o-latest llama3.2:3b qwen3 whisperer-7b"),
    ],
)
def test_what_a_model_is_shows_in_its_name(kind: str, names: str) -> None:
    assert [name for name in names.split() if kind_of(name) != kind] == []
