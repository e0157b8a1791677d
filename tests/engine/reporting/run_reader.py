"""What wandb has written to disk, read back by its own reader."""

import json
from pathlib import Path
from typing import Any

import psutil
from wandb.proto.wandb_internal_pb2 import Record as WandbRecord
from wandb.sdk.internal.datastore import DataStore

# Keys that wandb adds to each line of the history.
_BY_ITSELF = ("_timestamp", "_runtime", "_wandb")


def records(folder: Path) -> list[WandbRecord]:
    """All that the one run on disk holds, by wandb's own reader."""
    [path] = [one for one in folder.rglob("*.wandb") if "latest-run" not in one.parts]
    scan, found = DataStore(), []
    scan.open_for_scan(str(path))
    while (data := scan.scan_data()) is not None:
        record = WandbRecord()
        record.ParseFromString(data)
        found.append(record)
    return found


def history(folder: Path) -> list[dict[str, Any]]:
    lines = [one.history for one in records(folder) if one.WhichOneof("record_type") == "history"]
    told = [{item.nested_key[0]: json.loads(item.value_json) for item in line.item} for line in lines]
    return [{name: value for name, value in line.items() if name not in _BY_ITSELF} for line in told]


def recorders() -> list[psutil.Process]:
    """The children that record runs; others may have ended and not be waited for yet."""
    alive = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "wandb_child" in " ".join(one.cmdline())]
