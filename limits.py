"""What the system takes from a child that reads what strangers made, wherever it is POSIX; walls are in `sandbox`.

Not bounded are processes, which the system counts by user and not by child; addresses, of which torch and mapped models
take more than they use, and CUDA all; and processor time, which a training may take for days.
"""

import os
import sys

OPEN_FILES = 4096
LOG_BYTES = 64 * 1024**2
"""Of a child that keeps no file, its log is the only one."""


def take(file_bytes: int | None = None) -> None:
    """From now on dump no memory to disk, and make files for oneself alone, of `file_bytes` at most if given."""
    if sys.platform == "win32":
        return
    import resource

    os.umask(0o077)
    most = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: OPEN_FILES, resource.RLIMIT_FSIZE: file_bytes}
    for kind, bound in most.items():
        if bound is not None:
            had = resource.getrlimit(kind)
            soft, hard = (bound if one == resource.RLIM_INFINITY else min(one, bound) for one in had)
            resource.setrlimit(kind, (soft, hard))
