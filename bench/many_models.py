"""Twenty tuned models on one base: bars on the first token of a cold and a warm one, and on the memory of all.

Run `python -m bench.many_models [MODELS] [MB]`. Random adapters, written and published by the engine's own code, are
asked over HTTP: some while no model process runs, so that one is started; then, when the process with all of them is
there, each once (cold) and once more (warm); at random by one caller, and by several at once. Each answer must be its
model's own: of all models the log-probabilities of its first token are nearest to those that this one gave when it was
cold. (The words alone cannot tell: a cached prompt is computed in other shares, and of two words all but equally likely
then the other is said.) That says something only if models are further apart than answers of one, so both are told.
Memory is what all model processes hold, seen five times a second: RSS counts the mapped base once for each of them, PSS
once in all, as the machine does. Ends with 1 if a bar is missed: the worst cold answer, with a process or without one,
comes after more than a second, the worst warm one not at once, which is to people a fifth of that, an answer is another
model's, or the PSS is over SERVING_MEMORY_MB.
"""

import http.client
import itertools
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from bench.live import HEADERS, Running, service
from engine import catalogue, publication
from engine.catalogue import BaseModel
from engine.store import MODELS, Store

TOKENS = 16
CALLERS = 4
STRENGTH = 0.06  # standard deviation of the adapters' second factor: what is likely first differs for any two
STARTS = 5  # of a model while no process runs
READY_SECONDS = 8.0  # until the process with all models is there, on a crowded machine too
ROUNDS = 1  # of random questions, as many as there are models
MEGABYTE = 1024 * 1024
# The bars for the worst first token, by the way of asking: of a model that was not asked before, and of one that was.
NO_PROCESS, COLD, WARM = "no process at all", "cold", "warm"
BARS = {NO_PROCESS: 1.0, COLD: 1.0, WARM: 0.2}
LIKELIEST = 20  # tokens whose log-probabilities are compared
Likely = dict[str, float]  # the likeliest first tokens and their log-probabilities
Took = tuple[float, float, Likely]  # seconds to the first token and to the last


@dataclass
class Watch:
    """The most that was held at once, in bytes."""

    running: Running
    rss: int = 0
    pss: int = 0
    models: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Look again and again until `stop` is set."""
        while not self.stop.wait(0.2):
            held = [one for process in servers(self.running) if (one := memory(process))]
            self.models = max(self.models, len(held))
            self.rss = max(self.rss, sum(rss for rss, _ in held))
            self.pss = max(self.pss, sum(pss for _, pss in held))


def servers(running: Running) -> list[psutil.Process]:
    """Return the model processes there are."""
    found = []
    for process in running.main.children(recursive=True):
        try:
            if "engine.serving.llamacpp" in process.cmdline():
                found.append(process)
        except psutil.Error:  # it ended meanwhile
            continue
    return found


def memory(process: psutil.Process) -> tuple[int, int] | None:
    """Return the RSS and the PSS of `process`, None if it has ended."""
    try:
        held = process.memory_full_info()
    except psutil.Error:
        return None
    return held.rss, getattr(held, "pss", held.rss)


@contextmanager
def watched(running: Running) -> Iterator[Watch]:
    """Look at the memory all the while."""
    watch = Watch(running)
    with ThreadPoolExecutor(1) as looking:
        looking.submit(watch.look)
        try:
            yield watch
        finally:
            watch.stop.set()


def publish(data_dir: Path, base: BaseModel, count: int) -> list[str]:
    """Give the running engine of `data_dir` as many tuned models; return their names."""
    import torch

    from engine.trainer import base_model, export, lora

    model = base_model.load_model(catalogue.local_path(base, data_dir), torch.float32, "eager")
    weights = lora.weights(lora.attach(model, None, 0))
    rows = []
    for number in range(count):
        torch.manual_seed(number)
        job_id = f"ftjob-bench{number:02}"
        adapter = data_dir / "jobs" / job_id / "adapter" / "adapter.gguf"
        adapter.parent.mkdir(parents=True)
        drawn = {name: torch.randn_like(one) * STRENGTH if ".lora_B." in name else one for name, one in weights.items()}
        export.write_gguf_lora(drawn, lora.ALPHA, model.config, adapter)
        result = {"total_steps": 1, "checkpoints": []}
        job = {"id": job_id, "base": base.id}
        rows += publication.model_rows(
            job, adapter.parents[1], result, f"ft:{base.id}:bench:model-{number:02}:{number:08}".format, 0
        )
    store = Store(data_dir / "engine.sqlite3")
    store.insert({MODELS: rows})
    store.close()
    return [row["id"] for row in rows]


def ask(running: Running, model: str) -> Took:
    """Ask for a short greedy answer."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "What do bees make?"}],
        "temperature": 0,
        "max_tokens": TOKENS,
        "stream": True,
        "logit_bias": {"2": -100},
        "logprobs": True,
        "top_logprobs": LIKELIEST,
    }
    connection = http.client.HTTPConnection("127.0.0.1", running.engine_port, timeout=300)
    began = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), HEADERS)
    response = connection.getresponse()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(response.read().decode())
    first, likely = 0.0, Likely()
    for line in response:
        if not first and line.startswith(b"data: {") and (told := json.loads(line[6:])["choices"][0].get("logprobs")):
            first = time.perf_counter() - began
            likely = {one["token"]: one["logprob"] for one in told["content"][0]["top_logprobs"]}
    connection.close()
    return first, time.perf_counter() - began, likely


def distance(one: Likely, other: Likely) -> float:
    """The mean difference of a token's log-probability, which of one that is not told is at most the least told."""
    mine, theirs = min(one.values()), min(other.values())
    return statistics.mean(abs(one.get(token, mine) - other.get(token, theirs)) for token in {*one, *other})


def identities(own: dict[str, Likely], answers: Iterable[tuple[str, Took]]) -> tuple[int, str]:
    """Count the answers that are another model's, and say how far models are apart against one model's own answers."""
    strangers, drift = 0, 0.0
    for name, (_, _, likely) in answers:
        drift = max(drift, distance(likely, own[name]))
        strangers += min(own, key=partial(from_model, own, likely)) != name
    apart = min(distance(own[one], own[other]) for one, other in itertools.combinations(own, 2))
    told = (
        f"answers that are another model's: {strangers}; first tokens of one model differ by at most {drift:.3f} nats, "
    )
    return strangers, f"{told}of two by at least {apart:.3f}"


def from_model(own: dict[str, Likely], likely: Likely, name: str) -> float:
    """How far an answer is from the first one of a model."""
    return distance(likely, own[name])


def missed(seen: Mapping[str, Iterable[tuple[str, Took]]], strangers: int, pss: int, most: int) -> list[str]:
    """The bars that were missed, in words; `seen` are the answers by way, `pss` is in bytes, `most` in MB."""
    worst = {way: max(first for _, (first, _, _) in seen[way]) for way in BARS}
    bars = {
        **{f"{way} after {worst[way]:.2f} s, at most {bar}": worst[way] <= bar for way, bar in BARS.items()},
        f"{strangers} answers of another model": strangers == 0,
        f"{pss // MEGABYTE} MB, at most {most}": pss <= most * MEGABYTE,
    }
    return [words for words, met in bars.items() if not met]


def main() -> int:
    """Print one row a way of asking, then the memory; 1 if a bar was missed."""
    count, most = (int(given) for given in (sys.argv[1:] + ["20", "1024"][len(sys.argv) - 1 :])[:2])
    with service({"SERVING_MEMORY_MB": str(most)}) as running:
        environment = running.main.environ()
        base = catalogue.find(environment["BASE_MODEL"], {})
        names = publish(Path(environment["DATA_DIR"]), base, count)
        with watched(running) as watch:
            seen = measure(running, base.id, names)
    print(f"{'':22}{'answers':>8}{'s to first':>12}{'worst':>8}{'s in all':>10}{'worst':>8}")
    for way, took in seen.items():
        firsts, wholes = [first for _, (first, _, _) in took], [whole for _, (_, whole, _) in took]
        figures = (statistics.median(firsts), max(firsts), statistics.median(wholes), max(wholes))
        print(f"{way:22}{len(took):8}{figures[0]:12.2f}{figures[1]:8.2f}{figures[2]:10.2f}{figures[3]:8.2f}")
    own = {name: likely for name, (_, _, likely) in seen[COLD]}
    strangers, told = identities(own, itertools.chain(*seen.values()))
    print(told)
    print(f"SERVING_MEMORY_MB {most}: at most {watch.models} processes, PSS {watch.pss // MEGABYTE} MB, ", end="")
    print(f"RSS {watch.rss // MEGABYTE} MB")
    over = missed(seen, strangers, watch.pss, most)
    print(f"bars missed: {over}")
    return 1 if over else 0


def measure(running: Running, base: str, names: list[str]) -> dict[str, list[tuple[str, Took]]]:
    """Ask in all ways; return the models and what each answer took, by way."""
    alone, cold, warm = [], [], []
    for name in names[:STARTS]:
        time.sleep(READY_SECONDS)
        for process in servers(running):
            process.kill()
        time.sleep(1)  # until the engine knows
        alone.append((name, ask(running, name)))
    ask(running, base)
    time.sleep(READY_SECONDS)
    for name in names:
        cold.append((name, ask(running, name)))
        warm.append((name, ask(running, name)))
    drawn = random.Random(1)
    order = drawn.choices(names, k=ROUNDS * len(names))
    by_one = [(name, ask(running, name)) for name in order]
    with ThreadPoolExecutor(CALLERS) as callers:
        order = drawn.choices(names, k=ROUNDS * len(names))
        by_many = list(zip(order, callers.map(lambda name: ask(running, name), order), strict=True))
    ways = {NO_PROCESS: alone, COLD: cold, WARM: warm, "at random": by_one}
    return {**ways, f"{CALLERS} callers at once": by_many}


if __name__ == "__main__":
    sys.exit(main())
