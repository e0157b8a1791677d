"""Walls around a child that reads what strangers made: it has its own files, no network, and sees nobody (bubblewrap).

Only Linux has such walls, and not everywhere: they are tried once. What a child gets beside system, Python and our own
code its caller says.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent
# What children import of ours; beside it may lie `.env` and the data.
_CODE = ("engine", "wire", "lifeline.py", "limits.py", "sandbox.py", "unpickling.py")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/opt/rocm", "/run/opengl-driver", "/sys")
_OF_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "passwd", "group", "nsswitch.conf")
_GRAPHICS = ("nvidia*", "dri", "kfd", "dxg")
_NAMED = ("PYTHONPATH", "LD_LIBRARY_PATH")
# No namespace of control groups: the trainer reads there how much memory it may take.
_ALONE = "--unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --die-with-parent --cap-drop ALL"
_FORMS = (f"{_ALONE} --disable-userns", _ALONE)  # older ones do not know the last
_TRIAL_SECONDS = 60


class Unavailable(RuntimeError):
    """The walls are wanted but cannot be had; the message says why."""


@dataclass(frozen=True)
class Walls:
    """Files and folders that a child may read, and those that it may change but for what is in the first: no others."""

    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()


class _Settled:
    wanted = True


def settle(mode: str) -> None:
    """Wall children in from now on, as `mode` (the setting SANDBOX) says.

    Raises:
        Unavailable: it is `on` and there are no walls here.
    """
    _Settled.wanted = mode != "off"
    if mode == "on" and (fault := _tried()[1]):
        raise Unavailable(f"SANDBOX is on, but {fault}.")


def told() -> str:
    """Return in words how children are walled in."""
    if fault := _tried()[1] if _Settled.wanted else "SANDBOX is off":
        return f"Trainers and model servers have limits but no sandbox: {fault}."
    return "Trainers and model servers run in bubblewrap: without network, each with its own files alone."


def stands() -> bool:
    """Whether children are walled in."""
    return _Settled.wanted and bool(_tried()[0])


def wrap(command: Sequence[str], walls: Walls, environment: Mapping[str, str]) -> list[str]:
    """Return `command` within `walls`, as it is where none stand; to be started in the project's folder."""
    return [*_built(_tried()[0], walls, environment), *command] if stands() else [*command]


@functools.cache
def _tried() -> tuple[list[str], str]:
    """The beginning of bubblewrap's command that works here; or none, and why: a child like ours was started."""
    program = shutil.which("bwrap") if sys.platform == "linux" else None
    fault = "there is no bubblewrap (bwrap) on this machine"
    for form in _FORMS if program else ():
        begin = [str(program), *form.split()]
        command = [*_built(begin, Walls(), {}), sys.executable, "-c", "import lifeline"]
        try:
            subprocess.run(command, cwd=_ROOT, capture_output=True, timeout=_TRIAL_SECONDS, check=True)
            return begin, ""
        except subprocess.CalledProcessError as ended:
            said = ended.stderr.decode(errors="replace").strip() or f"exit code {ended.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        fault = f"bubblewrap does not work here ({said.splitlines()[-1]})"
    return [], fault


def _built(begin: Iterable[str], walls: Walls, environment: Mapping[str, str]) -> Iterator[str]:
    own = "/tmp"  # noqa: S108 -- in memory, and nobody else's
    yield from (*begin, "--proc", "/proc", "--dev", "/dev", "--tmpfs", own)
    yield from ("--setenv", "HOME", own, "--setenv", "TMPDIR", own)
    for device in (found for name in _GRAPHICS for found in sorted(Path("/dev").glob(name))):
        yield from ("--dev-bind", str(device), str(device))
    code = (_ROOT / name for name in _CODE)
    yield from _bound("--ro-bind-try", [*_SYSTEM, *(f"/etc/{name}" for name in _OF_ETC), *_python(environment), *code])
    yield from _bound("--bind", walls.writes)
    yield from _bound("--ro-bind", walls.reads)
    yield from ("--remount-ro", "/", "--chdir", str(_ROOT))


def _python(environment: Mapping[str, str]) -> Iterator[str]:
    """Where Python, its packages and the libraries are that the environment names; not what holds us or a home."""
    named = (folder for name in _NAMED for folder in environment.get(name, "").split(os.pathsep))
    for folder in (sys.prefix, sys.base_prefix, *sys.path, *named):
        if Path(folder).is_absolute() and not any(one.is_relative_to(folder) for one in (_ROOT, Path.home())):
            yield folder


def _bound(way: str, paths: Iterable[str | Path]) -> Iterator[str]:
    """What holds another comes before it, for it would cover that; links keep their names."""
    for path in sorted({os.path.abspath(path) for path in paths}):  # noqa: PTH100
        yield from (way, path, path)
