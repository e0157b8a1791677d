"""The documented endpoints and a few more, one blueprint each; what they do is in services."""

from typing import TYPE_CHECKING, cast

from flask import current_app, g

from observe.figures import Figures

if TYPE_CHECKING:
    from services import Services


def figures() -> Figures:
    """Return what the app that handles this request counts."""
    return cast(Figures, current_app.extensions["figures"])


def services() -> "Services":
    """Return the services of the app that handles this request, for whoever asks."""
    everybodys = cast("Services", current_app.extensions["services"])
    return everybodys.acting_for("" if g.key.allows("admin") else g.key.id)
