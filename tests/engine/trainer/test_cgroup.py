"""Limits of memory are found in the process's own group and above it, in either version of control groups."""

from pathlib import Path

import pytest

from engine.trainer import cgroup
from tests.engine.trainer.cgroups import V1, V2, write_group

SERVICE = "0::/system.slice/tune9527.service"
OLD = "5:devices:/\n4:memory:/docker/abc\n0::/"


@pytest.mark.parametrize(
    ("own", "group", "names"),
    [
        (SERVICE, "sys/fs/cgroup/system.slice/tune9527.service", V2),
        (SERVICE, "sys/fs/cgroup/system.slice", V2),
        ("0::/docker/hidden", "sys/fs/cgroup", V2),
        ("0::/../sibling", "sys/fs/cgroup/sibling", V2),
        ("4:cpu:/a\n0::/user.slice", "sys/fs/cgroup/unified/user.slice", V2),
        (OLD, "sys/fs/cgroup/memory/docker/abc", V1),
        (OLD, "sys/fs/cgroup/memory", V1),
        ("3:cpuset,memory:/docker/abc", "sys/fs/cgroup/memory/docker/abc", V1),
    ],
)
def test_the_limit_of_ones_own_group_or_one_above_counts(
    tmp_path: Path, own: str, group: str, names: tuple[str, str, str]
) -> None:
    write_group(tmp_path, own, group, "1000000", names)
    assert cgroup.free(tmp_path) == 200_000


def test_the_tightest_of_them_counts(tmp_path: Path) -> None:
    write_group(tmp_path, SERVICE, "sys/fs/cgroup/system.slice/tune9527.service", "2000000")
    write_group(tmp_path, SERVICE, "sys/fs/cgroup/system.slice", "1500000")
    write_group(tmp_path, SERVICE, "sys/fs/cgroup/other.slice", "1")
    assert cgroup.free(tmp_path) == 700_000


@pytest.mark.parametrize("limit", ["max", "nonsense"])
def test_no_limit_is_none(tmp_path: Path, limit: str) -> None:
    assert cgroup.free(tmp_path) is None
    write_group(tmp_path, SERVICE, "sys/fs/cgroup/system.slice", limit)
    assert cgroup.free(tmp_path) is None
