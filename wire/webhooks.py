"""The request bodies of webhook endpoints, checked field by field; which events there are is the engine's matter."""

from typing import Annotated

from pydantic import Field

from wire.requests import SHOWABLE, Strict


class WebhookCreate(Strict):
    """`POST /v1/webhook_endpoints` (wire reference 5.4)."""

    event_types: Annotated[list[str], Field(min_length=1)]
    name: Annotated[str, Field(min_length=1, max_length=256, pattern=SHOWABLE)]
    url: Annotated[str, Field(min_length=1)]


class WebhookUpdate(Strict):
    """`POST /v1/webhook_endpoints/{id}`: what is given replaces what was."""

    event_types: Annotated[list[str], Field(min_length=1)] | None = Field(None, description="a list of one or more")
    name: Annotated[str, Field(min_length=1, max_length=256, pattern=SHOWABLE)] | None = Field(
        None, description="a string of 1 to 256 characters"
    )
    url: Annotated[str, Field(min_length=1)] | None = None


class WebhookRotateSecret(Strict):
    """`POST /v1/webhook_endpoints/{id}/rotate_secret`."""

    keep_old_secret_active_for_24_hours: bool | None = None


class WebhookTest(Strict):
    """`POST /v1/webhook_endpoints/{id}/test`."""

    event_type: Annotated[str, Field(min_length=1)]
