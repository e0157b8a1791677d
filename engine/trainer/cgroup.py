"""How much memory the control groups of this process leave it: those of its container, service or slice.

Of version 2 and 1 (Linux, Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class _Names:
    """The files of a group that hold its limit and what it uses, and the line of `memory.stat` that counts cache."""

    limit: str
    used: str
    given_back: str


_V2 = _Names("memory.max", "memory.current", "inactive_file")
_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
# Where a group's files are; `unified` is where systemd puts version 2 beside version 1.
_V2_MOUNTS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
_V1_MOUNTS = ("sys/fs/cgroup/memory",)


def free(root: Path = Path("/")) -> int | None:
    """Return the bytes left below the tightest limit of the own group and of those above it; None if none has one."""
    left = (_left(group, names) for group, names in _groups(root))
    return min((count for count in left if count is not None), default=None)


def _groups(root: Path) -> Iterator[tuple[Path, _Names]]:
    """Every group that may bound this process; in a container its own may be hidden, and only one above it be seen."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        names, mounts = (_V1, _V1_MOUNTS) if controllers else (_V2, _V2_MOUNTS)
        inner = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
        for mount in mounts:
            yield from (((root / mount).joinpath(*inner[:depth]), names) for depth in range(len(inner), -1, -1))


def _left(group: Path, names: _Names) -> int | None:
    try:
        limit, used = ((group / name).read_text().strip() for name in (names.limit, names.used))
        lines = [line.split() for line in (group / "memory.stat").read_text().splitlines()]
        given_back = next((int(value) for name, value in lines if name == names.given_back), 0)
        return None if limit == "max" else int(limit) - int(used) + given_back
    except (OSError, ValueError):  # the controller is not on here
        return None
