"""The rules for content that is an array of parts: their types, what each type holds, which roles may hold it."""

from dataprep.checks.profiles import Profile
from dataprep.checks.report import Problem, Problems
from dataprep.checks.wording import did_you_mean, name_type, point, show

_TYPES = ("text", "refusal", "image_url", "input_audio", "file")
_WORDS = ("text", "refusal")
# What each type's object needs: all of these texts, or one of them.
_NEEDS = {
    "image_url": (("url",), all),
    "input_audio": (("data", "format"), all),
    "file": (("file_id", "file_data"), any),
}
# Source: OpenAI's chat schema; its guide on vision: images never in assistant messages.
_ALLOWED = {"user": ("text", "image_url", "input_audio", "file"), "assistant": ("text", "refusal")}
_ADDRESSES = ("https://", "http://", "data:image/")


def check_parts(parts: list[object], role: str, profile: Profile, *steps: str | int) -> Problems:
    """All problems of the parts that stand at `steps`, in a message of this role."""
    if not parts:
        yield Problem(point(*steps), "invalid_content", "'content' is an empty array. Give at least one part.")
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        at = point(*steps, index)
        if not isinstance(part, dict) or not isinstance(kind, str) or kind not in _TYPES:
            yield _refuse_part(part, at)
            continue
        yield from _check_payload(part.get(kind), kind, at)
        allowed = _ALLOWED.get(role, ("text",))
        if kind not in allowed:
            detail = (
                f"a part of type {kind} stands in a message of role {role}, which takes {', '.join(allowed)} alone."
            )
            yield Problem(at, "misplaced_part", detail + " Move it or leave it out.", profile.extra_keys)


def _refuse_part(part: object, at: str) -> Problem:
    known = f"Write an object whose type is one of {', '.join(_TYPES)}."
    if not isinstance(part, dict):
        return Problem(at, "invalid_content", f"a content part must be an object, not {name_type(part)}. {known}")
    if "type" not in part:
        return Problem(at, "invalid_content", f"the content part has no 'type'. {known}")
    kind = part["type"]
    detail = f"the content part's type {show(kind)} is not known. {known}{did_you_mean(kind, _TYPES)}"
    return Problem(f"{at}/type", "invalid_content", detail)


def _check_payload(payload: object, kind: str, at: str) -> Problems:
    wanted_type = str if kind in _WORDS else dict
    if not isinstance(payload, wanted_type):
        given = "lacks" if payload is None else f"has {name_type(payload)} as"
        detail = f"the part of type {kind} {given} '{kind}'. Give {name_type(wanted_type())}."
        yield Problem(at, "invalid_content", detail)
        return
    if not isinstance(payload, dict):
        return
    names, wanted = _NEEDS[kind]
    if not wanted(isinstance(payload.get(name), str) and payload[name].strip() for name in names):
        keys = (" and " if wanted is all else " or ").join(f"'{name}'" for name in names)
        detail = f"the object '{kind}' lacks {keys}, or has it empty. Give it as text."
        yield Problem(f"{at}/{kind}", "invalid_content", detail)
    elif kind == "image_url" and not payload["url"].lower().startswith(_ADDRESSES):
        detail = f"the image {show(payload['url'])} is at no address that a trainer can read, and will be skipped."
        yield Problem(f"{at}/image_url/url", "unreachable_image", detail + " Give https:// or data:image/.", "warning")
