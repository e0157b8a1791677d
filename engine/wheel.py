"""A wheel from the user's package index; what a broken or killed download leaves, the next goes on from. No install."""

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lifeline

_LOG = logging.getLogger(__name__)
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


# Its settings, and where it looks for more of them.
_OF_PIP = (*lifeline.NETWORK, "PIP_", "NETRC", "XDG_")


class DownloadFailed(RuntimeError):
    """pip could not download it either; its own messages are on stderr."""


def download(requirement: str, folder: Path) -> Path:
    """Return the wheel of `requirement`, with the sha256 that the index names, in `folder`, which keeps what is begun.

    pip says where the wheel lies, for it knows the user's indexes and proxies. What cannot be had from there directly,
    as from an index with a password, pip downloads itself. A progress bar goes to stderr.

    Raises:
        DownloadFailed: neither way led to the wheel.
    """
    url, sha256 = _ask_pip(requirement) or ("", None)
    if url.startswith(("http://", "https://")):
        wheel = folder / unquote(urlsplit(url).path).rpartition("/")[2]
        if _resume(url, wheel, sha256):
            return wheel
    return _download_with_pip(requirement, folder / "pip")


def _ask_pip(requirement: str) -> tuple[str, str | None] | None:
    """Return the wheel's URL and sha256, None if pip cannot tell; an older pip would fetch the whole wheel for it."""
    if _pip_version() < (25, 3):
        return None
    command = [*_PIP, "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", "-"]
    command += ["--only-binary", ":all:", "--use-feature", "fast-deps"]  # the metadata by itself from any index
    said = subprocess.run([*command, requirement], env=_environment(), capture_output=True, check=False)
    if said.returncode != 0:
        return None
    found = json.loads(said.stdout)["install"][0]["download_info"]
    return str(found["url"]), found.get("archive_info", {}).get("hashes", {}).get("sha256")


def _resume(url: str, wheel: Path, sha256: str | None) -> bool:
    """Download what `wheel` lacks of the bytes at `url`; say whether it is whole. Wrong bytes are removed."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get

    wheel.parent.mkdir(parents=True, exist_ok=True)
    if sha256 is None or _sha256(wheel) != sha256:
        try:
            with wheel.open("ab") as file:
                http_get(url, file, resume_size=file.tell(), displayed_filename=wheel.name)
        except (HfHubHTTPError, HTTPError, OSError) as error:
            _LOG.warning("%s could not be downloaded directly: %s", wheel.name, error)
            return False
    if sha256 is not None and _sha256(wheel) != sha256:
        _LOG.warning("%s came with other bytes than the index names; not kept.", wheel.name)
        wheel.unlink()
        return False
    return True


def _download_with_pip(requirement: str, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    command = [*_PIP, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--resume-retries", "5"] if _pip_version() >= (25, 1) else []
    done = subprocess.run([*command, requirement], env=_environment(), stdout=sys.stderr, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise DownloadFailed(f"pip could not download {requirement}; its messages are above.")
    return wheels[0]


def _environment() -> dict[str, str]:
    return lifeline.needed(os.environ, _OF_PIP)


def _sha256(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pip_version() -> tuple[int, int]:
    major, minor = version("pip").split(".")[:2]
    return int(major), int(minor)
