"""The service on port 9527: `python app.py`. A table of contents that wires everything and decides nothing."""

import logging
import os
import socket
import sys
import threading
from functools import partial
from multiprocessing import parent_process
from typing import TYPE_CHECKING

from config import EngineConfig, ServiceConfig, WrongSetting

if TYPE_CHECKING:
    from flask import Flask

    from services import Services
    from services.embedded import EmbeddedEngine

# Seconds that running calls and the engine have to end; granian kills its worker after that.
GRACE = 20


def main() -> int:
    """Serve until told to stop; return the exit code: 2 for a wrong setting, 1 for an address we cannot have."""
    try:
        config = ServiceConfig.from_env()
        engine = EngineConfig.from_env() if config.embedded else None
    except WrongSetting as wrong:
        return _give_up(str(wrong), 2)
    trouble = _trouble_with(config.host, config.port)
    if trouble:
        return _give_up(trouble, 1)
    _announce(config, engine)
    _serve(config, engine)
    return 0


def create_app(config: ServiceConfig, engine: "EmbeddedEngine | None" = None) -> "Flask":
    """Return the service; with `engine`, the embedded engine is its upstream."""
    from flask import Flask

    from routes import chat, errors, fine_tuning, jobs, request_id, retrieve, status, upload_files

    app = Flask(__name__, static_folder=None)
    app.config.update(
        DEFAULT_MODEL=config.default_model, MAX_UPLOAD_MB=config.max_upload_mb, PROVIDE_AUTOMATIC_OPTIONS=False
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    app.extensions["services"] = _services(config, engine)
    for module in (request_id, errors, status, upload_files, fine_tuning, retrieve, chat, jobs):
        app.register_blueprint(module.bp)
    return app


def _services(config: ServiceConfig, engine: "EmbeddedEngine | None") -> "Services":
    from services import Services
    from services.chat import Chat
    from services.client import OPENAI_URL, Address, Upstream
    from services.files import Files
    from services.fine_tuning import FineTuning

    address = Address(
        base_url=engine.base_url if engine else config.openai_base_url or OPENAI_URL,
        api_key=config.openai_api_key,
        organization=config.openai_organization,
        project=config.openai_project,
        connect=config.connect_timeout,
        read=config.upstream_timeout,
    )
    upstream = Upstream(address, engine.require) if engine else Upstream(address)
    streams = config.threads - max(1, config.threads // 8)
    return Services(upstream, Files(upstream), FineTuning(upstream), Chat(upstream, config.default_model, streams))


def _serve(config: ServiceConfig, engine: EngineConfig | None) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        "app",
        address=config.host,
        port=config.port,
        interface=Interfaces.WSGI,
        blocking_threads=config.threads,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE,
    )
    server.serve(target_loader=partial(_load, config, engine), wrap_loader=False)


def _load(config: ServiceConfig, engine_config: EngineConfig | None) -> "Flask":
    """In granian's worker: make the app, and begin what runs beside it."""
    from services.embedded import EmbeddedEngine

    if hasattr(os, "setsid"):
        os.setsid()  # a Ctrl-C in the terminal is for the main process, which then stops this one
    logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    engine = EmbeddedEngine(engine_config.host, engine_config.port) if engine_config else None
    app = create_app(config, engine)
    if engine:
        engine.start()
    for beside in (_end_with_parent, app.extensions["services"].upstream.warm):
        threading.Thread(target=beside, daemon=True).start()
    return app


def _end_with_parent() -> None:
    """When the main process is gone, even killed, nobody may keep its port; the engine ends with us."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _trouble_with(host: str, port: int) -> str:
    """Why we cannot listen there; granian alone would share the port with another of its kind."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as attempt:
            if os.name != "nt":
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(address)
    except OSError as error:
        return f"{host}:{port} cannot be listened on ({error.strerror}). Set HOST and PORT, or stop what runs there."
    return ""


def _announce(config: ServiceConfig, engine: EngineConfig | None) -> None:
    if engine:
        upstream = f"the embedded engine on port {engine.port} (its log lines are among these)"
    else:
        upstream = config.openai_base_url or "OpenAI"
    print(f"tune9527 listens on http://{config.host}:{config.port}; upstream: {upstream}", flush=True)


def _give_up(reason: str, code: int) -> int:
    print(f"tune9527 cannot start: {reason}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
