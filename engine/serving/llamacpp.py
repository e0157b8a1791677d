"""The child process that serves a base model and adapters of it: llama.cpp's own HTTP server, bare to its parent.

It knows no wire rules. Run as `python -m engine.serving.llamacpp JSON`, which holds the arguments of `serve`.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import lifeline
import limits
import unpickling

ERRORS_ONLY = 1
# llama.cpp writes its log in a thread of its own, which the end of the process would cut short.
LAST_WORDS_SECONDS = 0.2
# llama.cpp's threads meet hundreds of times a token, and by default spin for milliseconds when one is late: beside any
# busy process answers then stall. After this many turns, some microseconds, a waiting thread sleeps (docs/log.md).
SPINS = "1000"
# Behind the servers, which have a moment's work between two tokens and would wait for a computing thread's turn to end.
STEPS_BACK = 10


def main() -> None:
    """Start the server, print one JSON line `{"address": URL}`, and live as long as the parent.

    A model that cannot be loaded ends it with exit code 1, and llama.cpp has written the reason to the log. Whatever a
    library writes to stdout goes there too, so that no full pipe can block the child.
    """
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    limits.take(limits.LOG_BYTES)
    unpickling.refuse()
    lifeline.step_back(STEPS_BACK)
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    lifeline.watch()
    try:
        server = serve(**json.loads(sys.argv[1]))
    except RuntimeError as refusal:
        time.sleep(LAST_WORDS_SECONDS)
        raise SystemExit(str(refusal)) from None
    print(json.dumps({"address": server.listening_address}), file=report, flush=True)
    threading.Event().wait()


def serve(
    files: Sequence[str], socket: str | None, embeds: bool, context_tokens: int, parallel: int, threads: int
) -> Any:
    """Start llama.cpp's server for GGUF `files`, a base model and adapters of it, and return it.

    A request names the adapter that counts for it; none does by itself. The server listens on a new unix `socket` of
    that path, or on a free loopback port.

    Every one of `parallel` answers may fill `context_tokens`: the cache is theirs in equal parts, not unified. If it
    `embeds`, so may every text, which goes through the model in one piece.
    """
    import xllamacpp  # it reads the variable that `main` sets

    settings = xllamacpp.CommonParams()
    settings.model.path = files[0]
    settings.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter, 0.0) for adapter in files[1:]]
    if socket is not None:
        settings.hostnames = [socket]
    settings.n_ctx, settings.n_parallel = context_tokens * parallel, parallel
    if embeds:
        settings.embedding = True
        settings.n_batch = settings.n_ubatch = context_tokens
    # Both would compute before the first question: how much of the model a graphics card holds, and an empty answer.
    settings.fit_params, settings.warmup = _has_accelerator(xllamacpp), False
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    # Slots keep their own prefix; the second cache beside them may grow to 8 GB by default.
    settings.cache_ram_mib = 0
    # A conversation that ends with the assistant gets a new answer, as on the wire, not a continued one.
    settings.prefill_assistant = False
    settings.n_threads_http = parallel + 32
    settings.ui = False
    settings.verbosity = ERRORS_ONLY
    return xllamacpp.Server(settings)


def _has_accelerator(xllamacpp: Any) -> bool:
    none = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != none for device in xllamacpp.get_device_info())


if __name__ == "__main__":
    main()
