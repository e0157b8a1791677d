"""What licence a package is under, as an SPDX expression, from what its metadata say."""

from collections.abc import Mapping
from typing import Any

PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "LLVM-exception"}
    | {"MIT", "PSF-2.0", "Zlib"}
)
# Why we may depend on what is not permissive, by the licence.
REASONS = {
    "MPL-2.0": "Weak copyleft, file by file: we use the package unchanged, and our own files stay under our licence.",
    "LGPL-3.0-only": "Weak copyleft, library by library: only whoever sets DATABASE_URL installs it, beside us and "
    "replaceable; nothing of it is copied.",
    "LicenseRef-NVIDIA-Proprietary": "CUDA, which PyPI's PyTorch brings on Linux under NVIDIA's own terms; not free "
    "software. PyTorch's build without CUDA (requirements/lock/torch-cpu.txt) has none of it.",
}

# What packages say in words; the BSD ones were read: all have three clauses.
_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
}
# Those whose metadata name none; cuda-toolkit has no code but requires NVIDIA's packages.
_UNSAID = {"cuda-toolkit": "LicenseRef-NVIDIA-Proprietary"}


def expression_of(metadata: Mapping[str, Any]) -> str:
    """Return the SPDX expression for one package's core metadata (as `pip install --report` has them).

    Raises:
        LookupError: it says nothing that is known here; read its licence, then add its words.
    """
    if expression := metadata.get("license_expression"):
        return str(expression)
    said = metadata.get("license") or ""
    known = {*PERMISSIVE, *REASONS, "MPL-2.0 AND MIT", "MIT OR Apache-2.0"}
    classified = [one.rpartition(" :: ")[2] for one in metadata.get("classifier", ()) if one.startswith("License ::")]
    for words in (said, *classified):
        if words in known or words in _WORDS:
            return str(_WORDS.get(words, words))
    if unsaid := _UNSAID.get(metadata["name"]):
        return unsaid
    raise LookupError(f"{metadata['name']}: no known licence in {said[:80]!r}, {classified}")


def parts_of(expression: str) -> set[str]:
    """Return the licences and exceptions that an SPDX expression names."""
    return set(expression.replace("(", " ").replace(")", " ").split()) - {"AND", "OR", "WITH"}
