"""A child process that ends when its parent does: the parent holds the child's stdin open, the child watches it.

Works alike on Linux, macOS and Windows, and also when the parent is killed. Restarting a child is not done here.
"""

import functools
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

import sandbox

PROJECT_ROOT = Path(__file__).resolve().parent
# Tells a child that its stdin is a lifeline; started by hand, its stdin may be empty from the start.
_MARK = "TUNE9527_LIFELINE"
# Tells whose child a process is, whatever became of its parent.
CHILD_OF = "TUNE9527_CHILD_OF"
_STEP_BACK_TRIES = 10
# What a child may be told: where its programs and libraries are, in which words it speaks, how many threads and which
# graphics cards it takes, and our own marks. A name that is not here stays with its parent.
_NEEDED = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "GLIBC_TUNABLES"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
    *("PROGRAMDATA", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    *("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TOKENIZERS_PARALLELISM"),
}
_NEEDED_BEGIN = (
    *(
        "LC_",
        "PYTHON",
        "TUNE9527_",
        "OMP_",
        "GOMP_",
        "KMP_",
        "MKL_",
        "OPENBLAS_",
        "MALLOC_",
        "GGML_",
        "TORCH_",
        "PYTORCH_",
    ),
    *("CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "ROCM_", "MESA_", "VK_", "ONEAPI_", "SYCL_", "ZE_"),
)
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""How names begin that tell the way to other machines; a proxy's may hold a password."""
_SECRET = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|DATABASE_URL)(_|$)", re.IGNORECASE)


def spawn(
    arguments: Sequence[str],
    log: IO[bytes] | int,
    environment: Mapping[str, str] | None = None,
    walls: sandbox.Walls | None = None,
    **more: str,
) -> subprocess.Popen[bytes]:
    """Start `python -m <arguments>` on a lifeline; its stdout is a pipe to us, its stderr goes to `log`.

    It gets `environment`, by default ours, and `more` on top of it. With `walls` it stands within them where the system
    has any; the process that is returned is then their keeper, whose end is the child's.

    The child leads a process group of its own, so that a Ctrl-C in the terminal reaches the parent alone.
    """
    command = [sys.executable, "-m", *arguments]
    given = {**(os.environ if environment is None else environment), **more, _MARK: "1"}
    if walls is None:
        return _start(command, given, log)
    return _starter(os.getpid()).submit(_start, sandbox.wrap(command, walls, given), given, log).result()


@functools.cache
def _starter(_: int) -> ThreadPoolExecutor:
    """One thread for the whole life of this process (by its id, for it may be forked): the keeper of walls ends with
    the thread that started it, and those that serve requests come and go."""
    return ThreadPoolExecutor(1, "starter")


def _start(command: Sequence[str], environment: Mapping[str, str], log: IO[bytes] | int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
    )


def mark_children(whose: str) -> None:
    """Let every child of this process, and theirs, carry `whose` in its environment."""
    os.environ[CHILD_OF] = whose


def mark() -> str | None:
    """Return what the children of this process carry; at its start that is what it was given itself."""
    return os.environ.get(CHILD_OF)


def needed(environment: Mapping[str, str], more: Sequence[str] = ()) -> dict[str, str]:
    """Return of `environment` what a child needs, and what begins as one of `more` does; no key, token or password.

    Names count in capitals: proxies are written in small letters too, and Windows knows no difference.
    """
    begin = (*_NEEDED_BEGIN, *more)
    capitals = ((name, name.upper()) for name in environment)
    wanted = (name for name, known in capitals if known in _NEEDED or known.startswith(begin))
    return {name: environment[name] for name in wanted if not _SECRET.search(name)}


def release(process: subprocess.Popen[bytes], timeout: float) -> int:
    """Close the lifeline, wait `timeout` seconds for the child to end by itself, then kill it; return its exit code."""
    if process.stdin is not None:
        process.stdin.close()
    if not _ends(process, timeout):
        kill(process)
    return process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and its process group: for some milliseconds at its start a keeper of walls does not take along
    what it keeps; harmless when it has ended."""
    if process.poll() is not None:
        return
    if not hasattr(os, "killpg"):
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _ends(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Say whether the child ends in time; Linux tells at once, where `Popen.wait` looks every 50 milliseconds."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # another system, or it has ended
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        return bool(waiting.poll(timeout * 1000))
    finally:
        os.close(handle)


def is_held() -> bool:
    """Whether this process is a child on a lifeline, not one that somebody started by hand."""
    return os.environ.get(_MARK) is not None


def watch(on_parent_gone: Callable[[], None] | None = None) -> None:
    """In the child: call `on_parent_gone` (by default: exit at once, without clean-up) when the parent is gone."""

    if not is_held():
        return

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        (on_parent_gone or (lambda: os._exit(0)))()

    threading.Thread(target=wait_for_end, name="lifeline", daemon=True).start()


def step_back(steps: int) -> None:
    """In a child that computes: let others go first, the further back the more; 19 steps is the end of the queue.

    Where Linux shares the cores out by session, `nice` counts inside the session only, so the session steps back too.
    """
    if hasattr(os, "nice"):
        os.nice(steps)
    for _ in range(_STEP_BACK_TRIES):
        try:
            Path("/proc/self/autogroup").write_text(str(steps))
        except BlockingIOError:  # Linux takes one such wish in a tenth of a second from all ordinary users together
            time.sleep(0.11)
        except OSError:  # no such thing here
            return
        else:
            return
