"""What holds a folder: the locks of a network's file system are none that SQLite can trust."""

from pathlib import Path

import psutil

# As Linux and macOS name them. Not here: 9p, by which some sandboxes have the disk of their own machine.
_OF_NETWORKS = frozenset({
    "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.ceph-fuse", "fuse.curlftpfs", "fuse.gcsfuse",
    "fuse.glusterfs", "fuse.juicefs", "fuse.mfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs", "webdav",
})  # fmt: skip


def network(folder: Path) -> str | None:
    """Return the type of the network's file system that holds `folder`, None if it lies on this machine.

    SQLite's own page on databases over a network (https://www.sqlite.org/useovernet.html) says what becomes of them.
    """
    place = folder.resolve()
    mounted = [part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)]
    if not mounted:
        return None
    # The deepest one counts; of two at one place the later one, which hides the other.
    holder = max(enumerate(mounted), key=lambda one: (len(Path(one[1].mountpoint).parts), one[0]))[1]
    is_remote = holder.fstype in _OF_NETWORKS or "remote" in holder.opts.split(",")  # the latter is Windows' word
    return holder.fstype or "remote" if is_remote else None
