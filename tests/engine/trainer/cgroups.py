"""Control groups as Linux shows them, made up in a folder."""

from pathlib import Path

V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def write_group(root: Path, own: str, group: str, limit: str, names: tuple[str, str, str] = V2) -> None:
    """A process in the groups `own`, and one group that has used 900,000 bytes, 100,000 of them to be given back."""
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/cgroup").write_text(own + "\n")
    (root / group).mkdir(parents=True, exist_ok=True)
    (root / group / names[0]).write_text(limit + "\n")
    (root / group / names[1]).write_text("900000\n")
    (root / group / "memory.stat").write_text(f"anon 5\n{names[2]} 100000\n")
