# One verb a target; everything is installed into .venv and nowhere else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODEL := smollm2-135m-instruct

NAME := key
SCOPES := read,train,chat
EXAMPLES := 5
WORKERS := 2
MINUTES := 8

.PHONY: help quickstart serve key test clients fuzz soak lint bench measure lock

help:  ## Show this list.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

quickstart: $(VENV)/.main  ## Train a model on the example file, show it, go on serving it (EXIT=1: stop instead).
	$(BIN)/python -m engine pull $(MODEL)
	$(BIN)/python examples/quickstart.py $(if $(filter 1,$(EXIT)),--exit)

serve: $(VENV)/.main  ## Start the service on port 9527.
	$(BIN)/python app.py

key: $(VENV)/.main  ## Make an API key and show it, this once (NAME=laptop SCOPES=read,chat DAYS=90).
	@$(BIN)/python -m gate new --name "$(NAME)" --scopes "$(SCOPES)" $(if $(DAYS),--days "$(DAYS)")

test: $(VENV)/.dev  ## Run the tests, in two processes (WORKERS=4: in four).
	$(BIN)/python -m pytest -n $(WORKERS)

clients: $(VENV)/.dev  ## Run the tests that install packages of their own: other people's clients (1.8 GB), a short fuzz.
	$(BIN)/python -m pytest -n $(WORKERS) -m installs

fuzz: $(VENV)/.dev $(VENV)-fuzz/.schemathesis  ## Try the service against its own description (EXAMPLES=1400 SEED=1: 20,000 cases).
	$(BIN)/python -m bench.fuzz_service $(VENV)-fuzz/bin/schemathesis --examples $(EXAMPLES) $(if $(SEED),--seed $(SEED))

soak: $(VENV)/.dev $(VENV)-fuzz/.schemathesis  ## Put it under load, and try it long by kills, faults and broken input (two hours; MINUTES=1: short).
	$(BIN)/python -m bench.soak $(MINUTES)
	$(BIN)/python -m bench.slow_clients 64 50 $$(($(MINUTES) * 8))
	$(BIN)/python -m bench.broken_uploads $$(($(MINUTES) * 40))
	$(BIN)/python -m bench.stops $(MINUTES)
	$(BIN)/python -m bench.durability $$(($(MINUTES) * 6))
	$(BIN)/python -m bench.service_kills $$(($(MINUTES) * 25))
	$(BIN)/python -m bench.kills $$(($(MINUTES) * 6))
	$(BIN)/python -m bench.claims --jobs $$(($(MINUTES) * 125)) --stops $$(($(MINUTES) * 6))
	$(BIN)/python -m bench.backups --rounds $$(($(MINUTES) * 5 / 2))
	$(BIN)/python -m bench.creates $$(($(MINUTES) * 63))
	$(BIN)/python -m bench.idempotency $$(($(MINUTES) * 25))
	$(BIN)/python -m bench.upstreams 3
	$(BIN)/python -m bench.histories $$(($(MINUTES) * 25))
	$(BIN)/python -m bench.names
	$(BIN)/python -m bench.ssrf
	$(BIN)/python -m bench.templates
	$(BIN)/python -m bench.model_files --count $$(($(MINUTES) * 160)) --load $$(($(MINUTES) * 20))
	$(BIN)/python -m bench.bombard
	$(BIN)/python -m bench.fuzz_service $(VENV)-fuzz/bin/schemathesis --examples $$(($(MINUTES) * 175))

lint: $(VENV)/.dev  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

bench: $(VENV)/.dev $(VENV)-peers/.peers  ## Measure the claims beside the peers, into docs/benchmarks.md (LONG=1: full size).
	$(BIN)/python -m bench.benchmarks $(if $(filter 1,$(LONG)),--long)

measure: $(VENV)/.dev $(VENV)-bench/.peers  ## Measure the engine: models, training, memory (half an hour).
	set -e; for script in chat_while_training memory webhooks; do $(BIN)/python -m bench.$$script; done
	$(VENV)-bench/bin/python -m bench.train --steps 4 --batch 4 --rows 60
	$(VENV)-bench/bin/python -m bench.dpo
	$(BIN)/python -m bench.many_models
	$(BIN)/python -m bench.beside_jobs

lock: $(VENV)-supply/.supply  ## Lock the requirements again, with their hashes, SBOM and licences.
	PATH="$(abspath $(VENV)-supply/bin):$$PATH" $(VENV)-supply/bin/python -m supply.lock
	$(VENV)-supply/bin/python -m supply.bom

# Wheels alone, so that installing runs nothing; from Python 3.14 on, and for Intel's Macs, there is none of quicktok-v1.
WHEELS = $(shell $(BIN)/python -c 'import platform, sys; intel = platform.mac_ver()[0] and platform.machine() == "x86_64"; \
	print("" if intel or sys.version_info >= (3, 14) else "--only-binary :all:")')

# A stamp is newer than the requirements it was made from, or they are installed again.
# All by its sha256 but PyTorch, which has several builds of one version; docs/security.md says how to have it locked too.
$(VENV)/.main: requirements.txt requirements/engine.txt requirements/service.txt requirements/lock/engine.txt \
		requirements/lock/service.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps $(WHEELS) -r requirements/lock/engine.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(WHEELS) -r requirements.txt
	touch $@

$(VENV)/.dev: requirements/dev.txt requirements/wandb.txt $(VENV)/.main
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements/dev.txt
	touch $@

# What the trainer is compared with needs dozens of packages that nothing else here does.
$(VENV)-bench/.peers: requirements/bench.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --disable-pip-version-check -r requirements/bench.txt
	touch $@

# The gateways that the service is measured beside: all that they need is pinned, and nothing but that is installed.
$(VENV)-peers/.peers: requirements/bench-peers.txt requirements/bench-peers/package.json | $(BIN)/python
	$(BIN)/python -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --disable-pip-version-check --no-deps -r requirements/bench-peers.txt
	cp requirements/bench-peers/package*.json $(VENV)-peers
	cd $(VENV)-peers && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

$(VENV)-fuzz/.schemathesis: requirements/fuzz.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)-fuzz
	$(VENV)-fuzz/bin/python -m pip install --disable-pip-version-check -r requirements/fuzz.txt
	touch $@

$(VENV)-supply/.supply: requirements/supply.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)-supply
	$(VENV)-supply/bin/python -m pip install --disable-pip-version-check -r requirements/supply.txt
	touch $@

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
