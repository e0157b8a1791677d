"""The engine's table of contents: `create_engine(config)` wires its parts; it starts nothing and decides nothing."""

import contextlib
import os
from pathlib import Path

from flask import Flask

import sandbox
from config import EngineConfig
from engine import catalogue
from engine.downloads import Downloads
from engine.files import MAX_BYTES, Files
from engine.jobs import Jobs
from engine.models import Models
from engine.parts import Parts
from engine.reporting.reports import Reports, WandbSettings
from engine.reserve import Reserve
from engine.routes import (
    access,
    audit,
    chat,
    completions,
    embeddings,
    errors,
    files,
    fine_tuning,
    metrics,
    models,
    moderations,
    proof,
    refuse_encoded,
    responses,
    token_counts,
    uploads,
    webhooks,
)
from engine.serving.pool import Pool
from engine.serving.room import PoolSettings
from engine.store import Store
from engine.token_counts import TokenCounts
from engine.uploads import Uploads
from engine.webhooks.deliveries import Deliveries
from engine.webhooks.endpoints import Endpoints
from engine.webhooks.sender import Sender
from engine.worker import Worker, WorkerSettings
from gate import Access, Arrivals, Gate, RateLimit, Rules
from gate.forms import FRAMING_BYTES
from observe.audit import Audit
from wire.errors import openai_body

_ROUTES = (
    *(files, uploads, fine_tuning, models, metrics),
    *(chat, completions, responses, embeddings, moderations, token_counts, webhooks),
)


def create_engine(config: EngineConfig) -> Flask:
    """Return the WSGI app of the engine; `app.extensions` has `engine` (Parts) and three loops.

    Raises:
        LookupError: BASE_MODEL names no model.
        sandbox.Unavailable: SANDBOX is on, and there is none here.
    """
    sandbox.settle(config.sandbox)
    sender = Sender(frozenset(config.webhook_allowed_hosts.lower().split()))
    parts = _parts(config, sender)
    app = Flask("engine", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # its redirect is HTML
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES + FRAMING_BYTES
    app.extensions["engine"] = parts
    app.extensions["worker"] = Worker(parts, _worker_settings(config))
    app.extensions["deliveries"] = Deliveries(parts.store, sender)
    wandb = WandbSettings(config.wandb_api_key, config.wandb_mode)
    app.extensions["reports"] = Reports(parts.store, parts.jobs.folder, wandb)
    for module in _ROUTES:
        app.register_blueprint(module.bp)
    proof.register(app, config.api_key, config.port)
    errors.register(app)
    audit.register(app, Audit(config.data_dir / "audit.engine.jsonl"))
    keys = Access.at(config.host, config.key_file, config.api_key, required=config.key_required)
    access.register(app, keys, RateLimit(config.rate_limit))
    app.before_request(refuse_encoded)
    app.extensions["arrivals"] = arrivals = Arrivals(config.body_timeout, config.engine_threads // 2)
    rules = Rules.of(config.host, config.allowed_hosts, config.allowed_origins, arrivals)
    app.wsgi_app = Gate(app.wsgi_app, rules, lambda error, _: openai_body(error))  # type: ignore[method-assign]
    return app


def known_models(config: EngineConfig, store: Store) -> Models:
    """Return the models of the catalogue, the settings and `store`.

    Raises:
        LookupError: BASE_MODEL or MODEL_ALIASES names no model.
    """
    base, bases, aliases = catalogue.named(config.base_model, config.model_aliases)
    return Models(store, bases, base, aliases, config.data_dir)


def _parts(config: EngineConfig, sender: Sender) -> Parts:
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):  # another's folder, who lets us write in it
        config.data_dir.chmod(0o700)
    store, reserve = Store(config.database), Reserve(config.data_dir / "reserve")
    if isinstance(config.database, Path):
        # Webhook secrets are in it, which no other user of the machine may read.
        config.database.chmod(0o600)
    reserve.restore()
    store.make_room = reserve.free
    uploaded = Files(store, config.data_dir / "files", reserve)
    known = known_models(config, store)
    jobs = Jobs(store, uploaded, known, config.data_dir / "jobs")
    pool = Pool(_pool_settings(config), config.data_dir / "logs", known.family)
    counts = TokenCounts(known, config.context_tokens)
    in_parts = Uploads(store, uploaded, config.data_dir / "uploads")
    endpoints = Endpoints(store, sender)
    downloads = Downloads(max(1, config.engine_threads // 8))
    others = pool, counts, endpoints, downloads
    return Parts(store, reserve, uploaded, in_parts, known, jobs, *others, config.result_encoding)


def _pool_settings(config: EngineConfig) -> PoolSettings:
    return PoolSettings(
        context_tokens=config.context_tokens,
        parallel=config.parallel,
        threads=config.serving_threads or _cores(),
        models_loaded=config.models_loaded,
        memory_mb=config.serving_memory_mb,
        idle_seconds=config.idle_seconds,
        callers=config.engine_threads * 3 // 4,  # the others answer what takes no time
    )


def _worker_settings(config: EngineConfig) -> WorkerSettings:
    return WorkerSettings(
        data_dir=config.data_dir,
        organization=config.organization,
        base_in_names=config.base_in_names,
        minimum_examples=config.minimum_examples,
        context_tokens=config.context_tokens,
        training_threads=config.training_threads or _cores(),
        rehearses=config.rehearsal == "on",
        stall_seconds=config.stall_seconds,
    )


def _cores() -> int:
    """Return how many cores this process may use; a container's share where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
