"""An engine in this process whose worker takes real turns."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from config import EngineConfig
from engine.app import create_engine


@contextmanager
def working(data_dir: Path, base: Path, **settings: Any) -> Iterator[Flask]:
    """Yield its app while its worker runs; both end with the block."""
    made = create_engine(EngineConfig(data_dir=data_dir, base_model=str(base), context_tokens=256, **settings))
    stop = threading.Event()
    worker = threading.Thread(target=made.extensions["worker"].run, args=(stop,))
    worker.start()
    try:
        yield made
    finally:
        stop.set()
        worker.join()
        made.extensions["engine"].pool.close()
        made.extensions["engine"].store.close()
