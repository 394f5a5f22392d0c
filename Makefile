# Rivulet's commands. `make help` explains each.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.rivulet-ready
DEV_READY := $(VENV)/.rivulet-dev-ready
PACKAGES := rivulet pipelines transforms inference sinks sources simulation training serving deploy benchmarks
export PYTHONWARNINGS ?= ignore

.PHONY: help setup run test outages lint format types lock clean graph screenshots model evaluate page serve up down bench bench-memory bench-profile bench-kafka bench-sinks bench-flink soak chaos bench-off-policy bench-serving bench-ranking

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
	@echo "Look at it: make serve, then http://127.0.0.1:8000/ (make page: the same on a stream that goes on)"

page: $(READY) ## Stream and page together, on simulated clicks in real time (ARGS="--speed 5")
	@$(PY) -m pipelines.page $(ARGS)

serve: $(READY) ## The page and the API over rivulet.db, on port 8000
	@$(PY) -m serving

screenshots: $(DEV_READY) ## Pictures of the page to docs/images (starts make page for some minutes; needs Chromium)
	@$(PY) -m tests.serving.screenshots docs/images

graph: $(READY) ## Draw the main job's graph for the page, the README and the docs (needs graphviz's dot)
	@$(PY) -m pipelines.recommend --runner=render --render_output=docs/graph-steps.svg
	@$(PY) -m pipelines.recommend --runner=render --render_output=serving/static/graph.svg \
		--render_leaf_composite_nodes='[^/]+' --render_edge_attributes='fontname="Helvetica" color="#0b6e8a" fontcolor="#5a6774"' \
		--render_node_attributes='fontname="Helvetica" color="#0b6e8a" fillcolor="#eaf4f7"'

model: $(READY) ## Train the packaged policy anew, on lists shown to simulated users
	@mkdir -p .rivulet/model
	@$(PY) -m pipelines.simulate --events=120000 --users=800 --rate=25 --world_seed=0 --seed=1 --out_of_orderness=0 --output=.rivulet/model/stream.csv.gz --feedback=.rivulet/model/shown
	@$(PY) -m training.prepare --input .rivulet/model/stream.csv.gz .rivulet/model/shown --output .rivulet/model/data
	@$(PY) -m training.embed --data .rivulet/model/data --output .rivulet/model/embeddings
	@$(PY) -m training.train --algorithm reinforce --data .rivulet/model/data --embeddings .rivulet/model/embeddings --logs .rivulet/model/logs --output inference/packaged --pretrain_epochs 10
	@$(PY) -m training.evaluate --data .rivulet/model/data --model inference/packaged --baselines popular-recent --record

EVALUATE_DATA ?= .rivulet/evaluate/data
EVALUATE_MODELS = $(EVALUATE_DATA)/models
EVALUATE_ALGORITHMS := reinforce ddpg bcq
evaluate: $(READY) ## Train policies with 3 seeds on EVALUATE_DATA (of training.prepare; EMBED=1: from training.embed), measure all
	@$(if $(EMBED),$(PY) -m training.embed --data $(EVALUATE_DATA) --output $(EVALUATE_MODELS)/embeddings)
	@for algorithm in $(EVALUATE_ALGORITHMS); do for seed in 0 1 2; do \
		$(PY) -m training.train --algorithm $$algorithm --seed $$seed --name $$algorithm --data $(EVALUATE_DATA) \
			--output $(EVALUATE_MODELS)/$$algorithm/$$seed $(if $(EMBED),--embeddings $(EVALUATE_MODELS)/embeddings) || exit; done; done
	@$(PY) -m training.evaluate --data $(EVALUATE_DATA) --model $(EVALUATE_ALGORITHMS:%=$(EVALUATE_MODELS)/%) \
		--json $(EVALUATE_DATA)/scores.json --plot $(EVALUATE_DATA)/scores.svg

up: $(DEV_READY) ## Start Kafka, MongoDB, MariaDB and Redis on loopback
	@$(PY) -m deploy up

down: $(DEV_READY) ## Stop them
	@$(PY) -m deploy down

bench: $(READY) ## Events a second: the graph beside a per-event pipeline and a plain script
	@$(PY) -m benchmarks.pipeline

bench-memory: $(READY) ## The main job's peak memory over 20 million events
	@$(PY) -m benchmarks.memory

bench-profile: $(READY) ## Where the main job's time goes, by step
	@$(PY) -m benchmarks.profile

bench-kafka: $(DEV_READY) ## The Kafka source beside a bare poll loop
	@$(PY) -m benchmarks.kafka

bench-sinks: $(DEV_READY) ## Each sink beside the bare client's best bulk loop
	@$(PY) -m benchmarks.sinks

bench-off-policy: $(READY) ## What learning from a biased policy's lists truly earns
	@$(PY) -m benchmarks.off_policy

bench-flink: $(DEV_READY) ## The main job on a standalone Flink cluster: speed, latency, hot items
	@$(PY) -m benchmarks.flink

soak: $(DEV_READY) ## 20 minutes of stream on the cluster: memory, state and checkpoints, as docs/soak.svg
	@$(PY) -m benchmarks.soak

chaos: $(DEV_READY) ## kill -9 of each part of the cluster and of the broker, at random points
	@$(PY) -W ignore -m tests.chaos

bench-serving: $(DEV_READY) ## The API's requests a second
	@$(PY) -m benchmarks.serving

bench-ranking: $(READY) ## Lists a second, of catalogues from 1,000 to a million items
	@$(PY) -m benchmarks.ranking

test: $(DEV_READY) ## Check style and types, then pass every test (starts and stops real servers)
	@$(MAKE) --no-print-directory lint types
	@$(PY) -m pytest

outages: $(DEV_READY) ## The main job while each store stops for 20 s, and all for 20 s more
	@$(PY) -m pytest tests/pipelines/test_outages.py --outage=20

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
