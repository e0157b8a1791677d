"""The service on port 9527: `python app.py`. A table of contents that wires everything and decides nothing."""

import argparse
import os
import sys
import threading
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from config import EngineCheck, EngineConfig, ServiceConfig, WrongSetting, misspelt_names
from gate import Access, Arrivals, Crowd, Gate, RateLimit, Rules
from gate.crowd import LINE
from observe import logs
from observe.audit import Audit
from observe.figures import Figures
from observe.masking import password_in
from observe.refusals import Refusals, Refused
from opening import Opening

if TYPE_CHECKING:
    from flask import Flask

    from services import Services
    from services.embedded import EmbeddedEngine
    from wire.errors import ApiError


# Seconds; what `Services.warm` imports takes most of a second of which `/status` needs every bit.
WARM_AFTER = 1.0


def main() -> int:
    """Serve until told to stop; return the exit code: 2 for a wrong setting, 1 for a port we cannot have."""
    import httpd

    usage = "python app.py (its settings: the environment and .env; see .env.example)"
    argparse.ArgumentParser(usage=usage).parse_args()
    os.umask(0o077)  # what is made here is its user's alone
    try:
        config = ServiceConfig.from_env()
        engine = EngineConfig.from_env() if config.embedded else None
        if engine and engine.port == config.port:
            raise WrongSetting(f"ENGINE_PORT is {engine.port}, which is PORT already; set another.")
        access = Access.at(config.host, config.key_file)
        if wrong := httpd.wrong_host("HOST", config.host) or access.find_fault("HOST", config.allowed_hosts):
            raise WrongSetting(wrong)
    except WrongSetting as wrong:
        print(f"tune9527 cannot start: {wrong}", file=sys.stderr)
        return 2
    for doubt in misspelt_names():
        print(f"tune9527: {doubt}", file=sys.stderr)
    check = EngineCheck() if engine else None
    import flask  # noqa: F401 - meanwhile: the serving process, which is forked, has it then

    if check and (wrong_setting := check.finding()):
        print(f"tune9527 cannot start: {wrong_setting}", file=sys.stderr)
        return 2
    way_out = "End what listens there, or set another PORT."
    threads = config.threads + config.streams + _line(config)
    return httpd.serve(partial(_load, config, engine), config.host, config.port, threads, way_out)


def create_app(
    config: ServiceConfig,
    engine: "EmbeddedEngine | None" = None,
    context_tokens: int | None = None,
    figures: Figures | None = None,
) -> "Flask":
    """Return the service; with `engine`, the embedded engine is its upstream, which trains on `context_tokens`."""
    counted = figures or Figures()
    app = _bare_app(config, counted)
    app.extensions["services"] = _services(config, engine, context_tokens, counted)
    _register_routes(app)
    return app


def create_front(config: ServiceConfig, figures: Figures) -> "Flask":
    """Return an app that has the manners of the service but of its calls `/status` alone, and imports little."""
    from routes import access, errors, request_id, status

    app = _bare_app(config, figures)
    for module in (request_id, errors, access, status):
        app.register_blueprint(module.bp)
    return app


def _bare_app(config: ServiceConfig, figures: Figures) -> "Flask":
    """An app without calls, behind its gate."""
    from flask import Flask

    from wire.envelope import failed

    app = Flask(__name__, static_folder=None)
    app.config.update(
        DEFAULT_MODEL=config.default_model, MAX_UPLOAD_MB=config.max_upload_mb, PROVIDE_AUTOMATIC_OPTIONS=False
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    app.extensions["figures"] = figures
    app.extensions["access"] = Access.at(config.host, config.key_file, required=config.key_required)
    app.extensions["rate_limit"] = RateLimit(config.rate_limit)
    app.extensions["audit"] = audit = Audit(config.audit_file)
    app.extensions["refusals"] = refusals = Refusals(audit)
    app.extensions["arrivals"] = arrivals = Arrivals(config.body_timeout, config.threads // 2)
    crowd = app.extensions["crowd"] = Crowd(config.threads, _line(config))
    rules = Rules.of(config.host, config.allowed_hosts, config.allowed_origins, arrivals, crowd)
    app.wsgi_app = Gate(app.wsgi_app, rules, failed, partial(_note, figures, refusals))  # type: ignore[method-assign]
    return app


def _line(config: ServiceConfig) -> int:
    """How many calls may stand in line: as many streams as there may be may be asked for in one moment."""
    return max(LINE, config.streams)


def _note(figures: Figures, refusals: Refusals, refusal: "ApiError", address: str) -> None:
    """Count and keep what the gate refuses; that there is no place is nobody's doing."""
    figures.refused.add(refusal.code or "")
    if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        refusals.note(Refused(address, "nobody", refusal.code or "", refusal.status))


def _register_routes(app: "Flask") -> None:
    import dashboard
    from routes import (
        access,
        audit,
        chat,
        compare,
        datasets,
        errors,
        files,
        fine_tuning,
        jobs,
        metrics,
        models,
        openapi,
        postman,
        request_id,
        retrieve,
        status,
        upload_files,
    )

    for module in (request_id, errors, audit, access, status, upload_files, fine_tuning, retrieve, chat):
        app.register_blueprint(module.bp)
    for module in (files, jobs, models, compare, datasets, metrics, openapi, postman):
        app.register_blueprint(module.bp)
    app.register_blueprint(dashboard.bp)


def _services(
    config: ServiceConfig, engine: "EmbeddedEngine | None", context_tokens: int | None, figures: Figures
) -> "Services":
    from services import Services
    from services.address import OPENAI_URL, Address
    from services.breaker import Breaker
    from services.budget import Budget
    from services.chat import Chat
    from services.client import Upstream
    from services.compare import Compare
    from services.datasets import Datasets
    from services.files import Files
    from services.fine_tuning import FineTuning
    from services.jobs import Jobs
    from services.outlook import Outlook
    from services.quota import Quota
    from services.registry import Registry

    address = Address(
        base_url=engine.base_url if engine else config.openai_base_url or OPENAI_URL,
        api_key=engine.secret if engine else config.openai_api_key,
        organization=config.openai_organization,
        project=config.openai_project,
        connect=config.connect_timeout,
        read=config.upstream_timeout,
        whole=config.answer_timeout,
        prove=engine.demand_proof if engine else None,
    )
    count = figures.upstream_failures.add
    # Who starts an engine knows best whether it is there, and soonest when it is there again.
    upstream = Upstream(address, engine.require, count) if engine else Upstream(address, lambda: None, count, Breaker())
    chat = Chat(upstream, config.default_model, config.streams)
    files = Files(upstream, Quota(config.stored_files, config.stored_mb))
    jobs = FineTuning(upstream, budget=Budget(config.daily_jobs, config.daily_tokens))
    openai = address.is_openai
    datasets = Datasets(files, "openai" if openai else "engine", context_tokens)
    outlook = Outlook(upstream, jobs, config.default_model, priced=openai)
    followed, models = Jobs(upstream, jobs, files, chat.streams), Registry(upstream, jobs, openai=openai)
    return Services(upstream, files, datasets, outlook, jobs, chat, followed, models, Compare(chat, jobs))


def _load(config: ServiceConfig, engine_config: EngineConfig | None) -> Opening:
    """In the serving process: answer `/status` at once, and have all else made meanwhile."""
    logs.set_up("service", config.log_level, config.log_format, _secrets(config, None))
    figures = Figures()
    return Opening(create_front(config, figures), {"/status"}, partial(_make, config, engine_config, figures))


def _make(config: ServiceConfig, engine_config: EngineConfig | None, figures: Figures) -> "Flask":
    """Make the app, and begin what runs beside it."""
    import httpd
    from services.embedded import EmbeddedEngine

    engine = EmbeddedEngine(engine_config.host, engine_config.port, engine_config.api_key) if engine_config else None
    logs.set_up("service", config.log_level, config.log_format, _secrets(config, engine))
    app = create_app(config, engine, engine_config.context_tokens if engine_config else None, figures)
    if engine:
        engine.start()
    httpd.at_stop(app.extensions["services"].chat.stop, after=httpd.STREAM_SECONDS)
    httpd.at_stop(app.extensions["arrivals"].hurry)
    httpd.at_stop(app.extensions["refusals"].end)
    httpd.leave_who_does_not_read()
    warm = threading.Timer(WARM_AFTER, app.extensions["services"].warm)
    warm.daemon = True
    warm.start()
    host = f"[{config.host}]" if ":" in config.host else config.host
    where = f"http://{host}:{config.port}"
    with suppress(OSError):  # nobody may read it any more: `python app.py 2>&1 | head -1`
        print(f"tune9527 listens on {where}, upstream: {_upstream_name(config, app, engine)}", flush=True)
    return app


def _secrets(config: ServiceConfig, engine: "EmbeddedEngine | None") -> tuple[str, ...]:
    """What no line of the log may hold."""
    return config.openai_api_key, engine.secret if engine else "", *password_in(config.openai_base_url)


def _upstream_name(config: ServiceConfig, app: "Flask", engine: "EmbeddedEngine | None") -> str:
    if engine:
        return f"the embedded engine on {engine.base_url} (its log lines are among these)"
    return app.extensions["services"].upstream.shown_url if config.openai_base_url else "OpenAI"


if __name__ == "__main__":
    sys.exit(main())
