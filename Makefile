# Rivulet's commands. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.rivulet-ready
DEV_READY := $(VENV)/.rivulet-dev-ready
PACKAGES := rivulet pipelines transforms inference sinks sources simulation training serving deploy benchmarks
export PYTHONWARNINGS ?= ignore

.PHONY: help setup run test hostile outages lint format types docs lock clean graph screenshots model evaluate page serve up down loop bench bench-text-ids bench-schemas bench-catalogue bench-memory bench-profile bench-kafka bench-sinks bench-flink soak chaos bench-off-policy bench-serving bench-exploration bench-ranking bench-growth

help: ## List all targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/bin/uv:
	@test -d $(VENV) || python3 -m venv $(VENV)
	@$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(VENV)/bin/python -m ensurepip
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check uv

$(READY): requirements.txt | $(VENV)/bin/uv
	@echo "Setting up Rivulet in $(VENV) (once; about 5 GB, most of it PyTorch) ..."
	@$(VENV)/bin/uv pip install -q --compile-bytecode --python $(PY) --require-hashes -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(READY)
	@echo "Adding the tools for tests ..."
	@$(VENV)/bin/uv pip install -q --compile-bytecode --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(DEV_READY) ## Create .venv with all packages to run and test Rivulet

run: $(READY) ## Run the main job: sample stream, packaged policy, SQLite
	@$(PY) -m pipelines.recommend
	@echo "Show the results: make serve, then http://127.0.0.1:8000/ (make page: the same on an unbounded stream)"

page: $(READY) ## Run the main job and its page on simulated clicks in real time (ARGS="--speed 5")
	@$(PY) -m pipelines.page $(ARGS)

serve: $(READY) ## Serve the page and the API from rivulet.db, on port 8000
	@$(PY) -m serving

screenshots: $(DEV_READY) ## Write screenshots of the page to docs/images (some minutes; needs Chromium)
	@$(PY) -m tests.serving.screenshots docs/images

graph: $(READY) ## Draw the main job's graph for the page and the docs (needs graphviz's dot)
	@$(PY) -m pipelines.recommend --runner=render --render_output=docs/graph-steps.svg
	@$(PY) -m pipelines.recommend --runner=render --render_output=serving/static/graph.svg \
		--render_leaf_composite_nodes='[^/]+' --render_edge_attributes='fontname="Helvetica" color="#0b6e8a" fontcolor="#5a6774"' \
		--render_node_attributes='fontname="Helvetica" color="#0b6e8a" fillcolor="#eaf4f7"'

model: $(READY) ## Train the packaged policy on lists shown to simulated users
	@mkdir -p .rivulet/model
	@$(PY) -m pipelines.simulate --events=120000 --users=800 --rate=25 --world_seed=0 --seed=1 --out_of_orderness=0 --output=.rivulet/model/stream.csv.gz --feedback=.rivulet/model/shown
	@$(PY) -m training.prepare --input .rivulet/model/stream.csv.gz .rivulet/model/shown --output .rivulet/model/data
	@$(PY) -m training.embed --data .rivulet/model/data --output .rivulet/model/embeddings
	@$(PY) -m training.train --algorithm reinforce --data .rivulet/model/data --embeddings .rivulet/model/embeddings --logs .rivulet/model/logs --output inference/packaged --pretrain_epochs 10
	@$(PY) -m training.evaluate --data .rivulet/model/data --model inference/packaged --baselines popular-recent --record

EVALUATE_DATA ?= .rivulet/evaluate/data
EVALUATE_MODELS = $(EVALUATE_DATA)/models
EVALUATE_ALGORITHMS := reinforce ddpg bcq
evaluate: $(READY) ## Train and evaluate policies with 3 seeds on EVALUATE_DATA (EMBED=1: from training.embed)
	@$(if $(EMBED),$(PY) -m training.embed --data $(EVALUATE_DATA) --output $(EVALUATE_MODELS)/embeddings)
	@for seed in 0 1 2; do \
		$(PY) -m training.train --algorithm reinforce --epochs 0 --seed $$seed --data $(EVALUATE_DATA) \
			--output $(EVALUATE_MODELS)/supervised-start/$$seed $(if $(EMBED),--embeddings $(EVALUATE_MODELS)/embeddings) || exit; done
	@for algorithm in $(EVALUATE_ALGORITHMS); do for seed in 0 1 2; do \
		$(PY) -m training.train --algorithm $$algorithm --seed $$seed --name $$algorithm --data $(EVALUATE_DATA) \
			--output $(EVALUATE_MODELS)/$$algorithm/$$seed $(if $(EMBED),--embeddings $(EVALUATE_MODELS)/embeddings) || exit; done; done
	@$(PY) -m training.evaluate --data $(EVALUATE_DATA) --model $(patsubst %,$(EVALUATE_MODELS)/%,supervised-start $(EVALUATE_ALGORITHMS)) \
		--json $(EVALUATE_DATA)/scores.json --plot $(EVALUATE_DATA)/scores.svg

up: $(DEV_READY) ## Start Kafka, MongoDB, MariaDB, PostgreSQL and Redis on loopback
	@$(PY) -m deploy up

down: $(DEV_READY) ## Stop them
	@$(PY) -m deploy down

loop: $(DEV_READY) ## The loop once through Kafka, Flink, Redis, the API and training.loop (under 15 minutes)
	@$(PY) -m benchmarks.live $(ARGS)

bench: $(READY) ## Events a second of the graph, a per-event pipeline and a plain script
	@$(PY) -m benchmarks.pipeline

bench-text-ids: $(READY) ## Events a second with ids that are text, and with integers
	@$(PY) -m benchmarks.text_ids

bench-schemas: $(READY) ## Events a second through a schema and from JSON lines, and without a schema
	@$(PY) -m benchmarks.schemas

bench-catalogue: $(READY) ## What a catalogue of a million items costs the main job
	@$(PY) -m benchmarks.catalogue

bench-memory: $(READY) ## Peak memory of the main job over 20 million events
	@$(PY) -m benchmarks.memory

bench-profile: $(READY) ## CPU time of the main job by step
	@$(PY) -m benchmarks.profile

bench-kafka: $(DEV_READY) ## Events a second of the Kafka source and of a bare poll loop
	@$(PY) -m benchmarks.kafka

bench-sinks: $(DEV_READY) ## Rows a second of each sink and of the best bulk loop of its client
	@$(PY) -m benchmarks.sinks

bench-off-policy: $(READY) ## True reward of policies learnt from a biased policy's lists
	@$(PY) -m benchmarks.off_policy

bench-flink: $(DEV_READY) ## Speed and latency of the main job on a standalone Flink cluster
	@$(PY) -m benchmarks.flink

soak: $(DEV_READY) ## Memory, state and checkpoints over 20 minutes on the cluster, as docs/soak.svg
	@$(PY) -m benchmarks.soak

chaos: $(DEV_READY) ## Kill the cluster's processes and the broker at random points, compare the tables
	@$(PY) -W ignore -m tests.chaos

bench-serving: $(DEV_READY) ## Requests a second of the API
	@$(PY) -m benchmarks.serving

bench-exploration: $(READY) ## What exploration costs a ranking time
	@$(PY) -m benchmarks.exploration

bench-ranking: $(READY) ## Lists a second, with 1,000 to a million items
	@$(PY) -m benchmarks.ranking

bench-growth: $(READY) ## What a ranking time costs with 10 thousand to a million known users
	@$(PY) -m benchmarks.growth

# OpenMP's threads of two processes wait for each other with busy loops: PyTorch gets one in each.
test: $(DEV_READY) ## Check style and types, run all tests (starts and stops real servers)
	@$(MAKE) --no-print-directory lint types
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

hostile: $(DEV_READY) ## Run the suite of hostile input, with its long tests
	@$(PY) -m pytest -m hostile --long

test-long: $(DEV_READY) ## Run the tests for which `make test` has no time
	@$(PY) -m pytest -m long --long

outages: $(DEV_READY) ## Run the main job while each store, then all stores, stop for 20 s
	@$(PY) -m pytest tests/pipelines/test_outages.py --outage=20

lint: $(DEV_READY) ## Check rules and format with ruff, and which packages import which
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/lint-imports --no-logo

format: $(DEV_READY) ## Fix and format with ruff
	@$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

types: $(DEV_READY) ## Check types with mypy --strict
	@$(VENV)/bin/mypy

docs: $(DEV_READY) ## Build the documentation site into build/site, with all links checked
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet

lock: $(VENV)/bin/uv ## Compile requirements*.in to lock files with hashes
	@$(VENV)/bin/uv pip compile -q --generate-hashes --no-header --python-version 3.11 requirements.in -o requirements.txt
	@$(VENV)/bin/uv pip compile -q --generate-hashes --no-header --python-version 3.11 requirements-dev.in -o requirements-dev.txt

clean: ## Remove the files of runs and tests (not .venv)
	@rm -rf rivulet.db* rivulet-* .rivulet .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
