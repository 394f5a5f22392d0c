# Rivulet's commands. `make help` explains each.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.rivulet-ready
DEV_READY := $(VENV)/.rivulet-dev-ready
PACKAGES := pipelines transforms inference sinks sources simulation training serving deploy benchmarks
export PYTHONWARNINGS ?= ignore

.PHONY: help setup run test lint format types lock clean graph model serve up down bench bench-kafka bench-sinks bench-serving

help: ## Explain each target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/bin/uv:
	@test -d $(VENV) || python3 -m venv $(VENV)
	@$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(VENV)/bin/python -m ensurepip
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check uv

$(READY): requirements.txt | $(VENV)/bin/uv
	@echo "Setting up Rivulet in $(VENV) (once; about 5 GB, most of it PyTorch) ..."
	@$(VENV)/bin/uv pip install -q --python $(PY) --require-hashes -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(READY)
	@echo "Adding the tools for tests ..."
	@$(VENV)/bin/uv pip install -q --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(DEV_READY) ## Make .venv with everything that running and testing needs

run: $(READY) ## Show the main job at work: sample stream, packaged policy, SQLite
	@$(PY) -m pipelines.recommend
	@echo "Open the page: make serve, then http://127.0.0.1:8000/"

serve: $(READY) ## The page and the API over rivulet.db, on port 8000
	@$(PY) -m serving

graph: $(READY) ## Draw the main job's graph to docs/graph.svg (needs graphviz's dot)
	@$(PY) -m pipelines.recommend --runner=render --render_output=docs/graph.svg

model: $(READY) ## Train the packaged policy anew, on a simulated stream
	@mkdir -p .rivulet/model
	@$(PY) -m pipelines.simulate --events=400000 --users=800 --rate=25 --world_seed=0 --seed=1 --out_of_orderness=0 --output=.rivulet/model/stream.csv.gz
	@$(PY) -m training.prepare --input .rivulet/model/stream.csv.gz --keep_all --output .rivulet/model/data
	@$(PY) -m training.train --algorithm reinforce --data .rivulet/model/data --logs .rivulet/model/logs --output inference/packaged --pretrain_epochs 5 --epochs 2

up: $(DEV_READY) ## Start Kafka, MongoDB, MariaDB and Redis on loopback
	@$(PY) -m deploy up

down: $(DEV_READY) ## Stop them
	@$(PY) -m deploy down

bench: $(READY) ## Events a second: the graph beside a per-event pipeline and a plain script
	@$(PY) -m benchmarks.pipeline

bench-kafka: $(DEV_READY) ## The Kafka source beside a bare poll loop
	@$(PY) -m benchmarks.kafka

bench-sinks: $(DEV_READY) ## Each sink beside the bare client's best bulk loop
	@$(PY) -m benchmarks.sinks

bench-serving: $(DEV_READY) ## The API's requests a second
	@$(PY) -m benchmarks.serving

test: $(DEV_READY) ## Check style and types, then pass every test (starts and stops real servers)
	@$(MAKE) --no-print-directory lint types
	@$(PY) -m pytest

lint: $(DEV_READY) ## Ruff: rules and format
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

format: $(DEV_READY) ## Let ruff mend and format what it can
	@$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

types: $(DEV_READY) ## mypy --strict over our packages
	@$(VENV)/bin/mypy

lock: $(VENV)/bin/uv ## Compile requirements*.in to the lock files, with hashes
	@$(VENV)/bin/uv pip compile -q --generate-hashes --no-header --python-version 3.11 requirements.in -o requirements.txt
	@$(VENV)/bin/uv pip compile -q --generate-hashes --no-header --python-version 3.11 requirements-dev.in -o requirements-dev.txt

clean: ## Remove what runs and tests leave behind (not .venv)
	@rm -rf rivulet.db* rivulet-* .rivulet .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
