"""Which folders lie on a network, by made-up mounts: this machine need not have any."""

from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from config import EngineConfig, WrongSetting
from engine import disks
from engine.__main__ import _check


class Mount(NamedTuple):
    """A row of what the system has mounted, as psutil has it."""

    mountpoint: str
    fstype: str
    opts: str = "rw"


def mount(monkeypatch: pytest.MonkeyPatch, *mounts: Mount) -> None:
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [Mount("/", "ext4"), *mounts])


def test_this_machines_own_disk_is_none_of_a_network(tmp_path: Path) -> None:
    assert disks.network(tmp_path) is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.ceph-fuse", "lustre"])
def test_a_networks_file_system_is_told_by_its_type(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(monkeypatch, Mount(str(tmp_path), kind))
    assert disks.network(tmp_path / "not" / "there yet") == kind


@pytest.mark.parametrize("kind", ["overlay", "tmpfs", "virtiofs", "fuseblk", "9p", "btrfs", "zfs", "apfs"])
def test_what_is_of_the_machine_is_not(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(monkeypatch, Mount(str(tmp_path), kind))
    assert disks.network(tmp_path) is None


def test_the_deepest_and_latest_mount_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, data = str(tmp_path), str(tmp_path / "data")
    mount(monkeypatch, Mount(data, "ext4"), Mount(home, "nfs"))
    assert disks.network(tmp_path / "data") is None
    assert disks.network(tmp_path / "data of others") == "nfs"
    mount(monkeypatch, Mount(data, "ext4"), Mount(data, "nfs4"))
    assert disks.network(tmp_path / "data") == "nfs4"


def test_windows_calls_a_drive_remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(monkeypatch, Mount(str(tmp_path), "", "rw,remote"))
    assert disks.network(tmp_path) == "remote"


def test_an_engine_with_sqlite_refuses_it_and_one_with_postgresql_does_not(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount(monkeypatch, Mount(str(tmp_path), "nfs4"))
    config = EngineConfig(base_model=str(tiny_gguf), context_tokens=64, data_dir=tmp_path)
    with pytest.raises(WrongSetting, match=r"network's file system \(nfs4\).*DATABASE_URL"):
        _check(config)
    _check(
        EngineConfig(
            base_model=str(tiny_gguf), context_tokens=64, data_dir=tmp_path, database_url="postgresql+psycopg://x/y"
        )
    )
