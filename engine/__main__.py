"""`python -m engine serve | check | pull MODEL | tokens FILE | backup FOLDER | restore FOLDER`: what people type."""

import argparse
import importlib.util
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import sandbox
from config import EngineConfig, WrongSetting, misspelt_names

if TYPE_CHECKING:
    from flask import Flask

    from engine.catalogue import BaseModel

# Seconds; whoever waits at a terminal can end the count as well.
_PATIENCE = 24 * 3600.0


def main() -> int:
    """Run one command; return the exit code (2: a wrong setting or argument, 1: it could not be done)."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the OpenAI wire API on ENGINE_HOST:ENGINE_PORT")
    commands.add_parser("check", help="say whether the settings are right, and start nothing")
    pull = commands.add_parser("pull", help="fetch a base model into DATA_DIR")
    pull.add_argument("model", help="an id of engine/catalogue.toml, a .gguf file, or owner/repository[/file.gguf]")
    tokens = commands.add_parser("tokens", help="count a training file's tokens as the trainer does")
    tokens.add_argument("file", type=Path, metavar="FILE", help="chat JSONL")
    tokens.add_argument("--model", default="", help="a base model, an alias or an ft: model (default: BASE_MODEL)")
    for name, words in (
        ("backup", "copy DATA_DIR but base models and logs to a new folder, also while the engine works"),
        ("restore", "put such a copy into a DATA_DIR that has no database"),
    ):
        commands.add_parser(name, help=words).add_argument("folder", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    os.umask(0o077)  # what is made here is its user's alone
    try:
        config = EngineConfig.from_env()
        sandbox.settle(config.sandbox)
        match arguments.command:
            case "serve":
                return _serve(config)
            case "check":
                _check(config)
                _tell_misspelt_names(sys.stdout)
                return 0
            case "pull":
                return _pull(config, arguments.model)
            case "backup" | "restore":
                return _copy(config, arguments.command, arguments.folder.resolve())
        return _count_tokens(config, arguments.file, arguments.model)
    except (WrongSetting, sandbox.Unavailable, LookupError) as wrong:
        print(f"engine: {wrong}", file=sys.stderr)
        return 2


def _tell_misspelt_names(where: TextIO) -> None:
    for doubt in misspelt_names():
        print(f"engine: {doubt}", file=where)


def _check(config: EngineConfig) -> None:
    """Raise LookupError for a model that there is not, WrongSetting for what else cannot be had."""
    import httpd
    from engine import catalogue, disks
    from engine.architectures import Unsupported
    from gate import Access

    base, *_ = catalogue.named(config.base_model, config.model_aliases)
    if base.context and config.context_tokens > base.context:
        told = f"CONTEXT_TOKENS is {config.context_tokens}, but {base.id} was made for at most {base.context}."
        raise WrongSetting(told)
    if (path := catalogue.local_path(base, config.data_dir / "models")).is_file():
        try:
            catalogue.refuse_unsupported(base, path)
        except Unsupported as reason:
            raise WrongSetting(f"BASE_MODEL: {reason}") from None
    access = Access.at(config.host, config.key_file, config.api_key)
    wrong = httpd.wrong_host("ENGINE_HOST", config.host) or access.find_fault("ENGINE_HOST", config.allowed_hosts)
    if wrong:
        raise WrongSetting(wrong)
    if config.database_url and importlib.util.find_spec("psycopg") is None:
        raise WrongSetting("DATABASE_URL needs a driver: pip install -r requirements/postgresql.txt")
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=config.data_dir):
            pass
    except OSError as trouble:
        raise WrongSetting(f"DATA_DIR is '{config.data_dir}', which cannot be written to: {trouble}.") from None
    if not config.database_url and (kind := disks.network(config.data_dir)):
        raise WrongSetting(
            f"DATA_DIR is '{config.data_dir}', on a network's file system ({kind}): there SQLite loses what it wrote. "
            "Set a folder on a disk of this machine, or DATABASE_URL to a PostgreSQL."
        )


def _pull(config: EngineConfig, name: str) -> int:
    from engine import catalogue
    from engine.architectures import Unsupported

    model = catalogue.find(name, catalogue.default_catalogue())
    try:
        print(catalogue.fetch(model, config.data_dir / "models"))
    except (catalogue.FetchFailed, Unsupported) as failed:
        print(f"engine: {failed}", file=sys.stderr)
        return 1
    return 0


def _count_tokens(config: EngineConfig, file: Path, name: str) -> int:
    from engine import catalogue, gguf_header, token_counts
    from engine.architectures import Unsupported
    from engine.models import how_to_get
    from engine.store import StoreError
    from wire.errors import ApiError

    try:
        model = _named_base(config, name)
    except StoreError as trouble:
        print(f"engine: the database in DATA_DIR ({config.data_dir}) cannot be used: {trouble.orig}.", file=sys.stderr)
        return 1
    path = catalogue.local_path(model, config.data_dir / "models")
    if not path.is_file():
        raise LookupError(how_to_get(model))
    try:
        catalogue.refuse_unsupported(model, path)
        with file.open("rb"):  # a file that is not there is told before the child is started
            most = gguf_header.within_context(path, config.context_tokens)
            found = token_counts.count(path, file, most, _PATIENCE)
    except (ApiError, Unsupported, OSError) as refusal:
        print(f"engine: {refusal}", file=sys.stderr)
        return 1
    print(f"examples in the tokens of {model.id}: {len(found.tokens)}")
    print(f"{sum(found.tokens)} tokens, of which {sum(found.answer_tokens)} are learned")
    print(f"{max(found.tokens, default=0)} tokens in the longest example")
    print(f"examples longer than the context of {most} tokens (CONTEXT_TOKENS): {found.truncated}")
    return 0


def _named_base(config: EngineConfig, name: str) -> "BaseModel":
    """The model behind a base's name, an alias or an ft: model of DATA_DIR; by default BASE_MODEL."""
    from engine import catalogue
    from engine.app import known_models
    from engine.store import Store

    facts = config.database
    missing = isinstance(facts, Path) and not facts.is_file()
    store = Store(Path(":memory:") if missing else facts, patience=10)  # a count leaves nothing behind
    try:
        models = known_models(config, store)
        base = models.base_of(name or models.default.id)
    finally:
        store.close()
    if base is None and name.startswith("ft:"):
        raise LookupError(f"'{name}' is no model that was fine-tuned in DATA_DIR ({config.data_dir}).")
    if base is not None and base.embeds:
        raise LookupError(f"'{name}' makes embeddings and is not trained, so nothing is counted for it.")
    return base or catalogue.find(name, catalogue.default_catalogue())


def _copy(config: EngineConfig, way: str, folder: Path) -> int:
    from engine import backup, lock
    from engine.store import NewerSchema, Store, StoreError

    if config.database_url:
        raise WrongSetting(f"With DATABASE_URL there is no {way} here: use pg_dump or pg_restore, then copy DATA_DIR.")
    try:
        if way == "restore":
            with lock.hold(config.data_dir, patience=1):
                backup.restore(folder, config.data_dir)
            print(f"Restored to {config.data_dir}; base models are fetched again: python -m engine pull MODEL")
            return 0
        if not (config.data_dir / backup.DATABASE).is_file():
            raise backup.Refused(f"{config.data_dir} (DATA_DIR) has no database to back up.")
        store = Store(config.data_dir / backup.DATABASE)
        try:
            print(f"{backup.back_up(store, config.data_dir, folder)} files in {folder}")
        finally:
            store.close()
    except (backup.Refused, lock.Busy, NewerSchema, StoreError, OSError) as refusal:
        print(f"engine: {refusal}", file=sys.stderr)
        return 1
    return 0


def _serve(config: EngineConfig) -> int:
    import httpd
    import lifeline
    from engine import lock, orphans
    from engine.store import NewerSchema, Store, StoreError

    _check(config)
    if not lifeline.is_held():  # the service that starts us has said it
        _tell_misspelt_names(sys.stderr)
    try:
        held = lock.hold(config.data_dir, patience=5)
    except (lock.Busy, OSError) as trouble:
        print(f"engine: DATA_DIR cannot be used: {trouble}", file=sys.stderr)
        return 1
    # As on Ctrl-C: answers that are being written are finished first.
    lifeline.watch(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with held:
        orphans.end(config.data_dir)
        try:
            Store(config.database).close()  # brings its tables up to date before anybody asks
        except NewerSchema as newer:
            print(f"engine: {newer}", file=sys.stderr)
            return 2
        except StoreError as trouble:
            print(f"engine: the database cannot be used: {trouble.orig}", file=sys.stderr)
            return 1
        way_out = "End what listens there, or set another ENGINE_PORT."
        return httpd.serve(_Loader(config), config.host, config.port, config.engine_threads, way_out)


def _tell_of_sandbox() -> None:
    said = sandbox.told()  # tried now, if it was not yet
    logging.getLogger(__name__).log(logging.INFO if sandbox.stands() else logging.WARNING, said)


class _Loader:
    """Makes the app inside the serving process, where the threads of its loops live too."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    def __call__(self) -> "Flask":
        import httpd
        from engine import catalogue, orphans
        from engine.app import create_engine
        from engine.repair import repair
        from observe import logs
        from observe.masking import password_in

        config = self._config
        secrets = config.api_key, config.wandb_api_key, *password_in(config.database_url)
        logs.set_up("engine", config.log_level, config.log_format, secrets)
        orphans.end(config.data_dir)  # the serving process before this one may have been killed
        app = create_engine(config)
        parts = app.extensions["engine"]
        repair(parts.store, config.data_dir, int(time.time()))
        parts.models.fetch_in_background(parts.models.default)
        parts.pool.prepare(catalogue.local_path(parts.models.default, config.data_dir / "models"))
        threading.Thread(target=_tell_of_sandbox, name="sandbox", daemon=True).start()
        httpd.at_stop(app.extensions["arrivals"].hurry)
        httpd.leave_who_does_not_read(5 * httpd.UNREAD_SECONDS)
        httpd.at_stop(parts.stopping.set, after=httpd.STREAM_SECONDS)
        over = threading.Event()
        httpd.at_stop(over.set)
        for name in ("worker", "deliveries", "reports"):
            run = app.extensions[name].run
            # What has been begun is let go of before the process ends; a webhook on its way is not waited for.
            clock = parts.pulse.clock(name)
            threading.Thread(target=run, args=(over, clock), name=name, daemon=name != "worker").start()
        threading.Thread(target=parts.pulse.watch, args=(over,), name="pulse", daemon=True).start()
        return app


if __name__ == "__main__":
    sys.exit(main())
