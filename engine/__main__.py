"""`python -m engine serve | pull MODEL`: start the engine, or fetch a base model beforehand."""

import argparse
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from config import EngineConfig, WrongSetting

if TYPE_CHECKING:
    from flask import Flask


def main() -> int:
    """Run one command; return the exit code (2: a wrong setting or argument, 1: it could not be done)."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the OpenAI wire API on ENGINE_HOST:ENGINE_PORT")
    pull = commands.add_parser("pull", help="fetch a base model into DATA_DIR")
    pull.add_argument("model", help="an id of engine/catalogue.toml, a .gguf file or owner/repository/file.gguf")
    arguments = parser.parse_args()
    try:
        config = EngineConfig.from_env()
        return _serve(config) if arguments.command == "serve" else _pull(config, arguments.model)
    except (WrongSetting, LookupError) as wrong:
        print(f"engine: {wrong}", file=sys.stderr)
        return 2


def _pull(config: EngineConfig, name: str) -> int:
    from engine import catalogue

    model = catalogue.find(name, catalogue.default_catalogue())
    try:
        print(catalogue.fetch(model, config.data_dir / "models"))
    except catalogue.FetchFailed as failed:
        print(f"engine: {failed}", file=sys.stderr)
        return 1
    return 0


def _serve(config: EngineConfig) -> int:
    import httpd
    import lifeline
    from engine import catalogue, lock

    catalogue.find(config.base_model, catalogue.default_catalogue())
    try:
        held = lock.hold(config.data_dir, patience=5)
    except (lock.Busy, OSError) as trouble:
        print(f"engine: DATA_DIR cannot be used: {trouble}", file=sys.stderr)
        return 1
    # As on Ctrl-C: answers that are being written are finished first.
    lifeline.watch(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with held:
        return httpd.serve(_Loader(config), config.host, config.port, config.engine_threads)


class _Loader:
    """Makes the app inside the serving process, where its worker's thread lives too."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    def __call__(self) -> "Flask":
        from engine.app import create_engine

        logging.basicConfig(level=self._config.log_level, format="%(asctime)s engine %(levelname)s %(message)s")
        app = create_engine(self._config)
        worker, parts = app.extensions["worker"], app.extensions["engine"]
        parts.models.fetch_in_background(parts.models.default)
        threading.Thread(target=worker.run, args=(threading.Event(),), name="worker", daemon=True).start()
        return app


if __name__ == "__main__":
    sys.exit(main())
