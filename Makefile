# The door to everything. Each target sets itself up; on a fresh machine only Python 3.11+, make and
# git are needed.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export NBP_HOME ?= $(CURDIR)/.nbp
export DAGSTER_HOME ?= $(NBP_HOME)/dagster

.PHONY: help install demo dev test test-unit crash bench browser postgres check lint fmt types docs-check defs-check dagster-home lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP)  ## Install the locked dependencies and this package into .venv

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) can't make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation -e .
	@touch $@

demo: install  ## Make the sample campaign on the simulator; ends with the path of its gallery
	@NBP_MODE=simulator $(BIN)/nbp run spring_launch

dev: export DAGSTER_EVENT_BATCH_SIZE ?= 500
dev: install dagster-home  ## Open the Dagster UI on the state that demo and nbp run made
	$(BIN)/dagster dev -w workspace.yaml

test: install browser postgres  ## Run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-unit: install  ## Run the fast tests only
	$(BIN)/python -m pytest tests/unit -n 2

crash: install  ## Kill runs at every step and at 100 random moments: nothing is paid twice
	$(BIN)/python -m tests.crash

bench: install  ## Print figures: speed, lag, limits, memory, cost a prompt (about 20 minutes)
	$(BIN)/python -m tests.bench

browser:  ## Install Debian's Chromium for the browser tests, where apt-get may do so
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } \
	  || echo "no chromium here: the browser tests will say so"

postgres:  ## Install Debian's PostgreSQL for the database tests, where apt-get may do so
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends postgresql-common \
	       && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' \
	            /etc/postgresql-common/createcluster.conf \
	       && apt-get install -y -qq --no-install-recommends postgresql; } \
	  || echo "no PostgreSQL here: the database tests will say so"

check: install  ## Lint, types, definitions, docs, tests: runs to the end and reports each
	@status=0; for target in lint types defs-check docs-check test; do \
	  echo "== $$target"; \
	  if $(MAKE) --no-print-directory $$target; then echo "-- $$target: passed"; \
	  else echo "-- $$target: FAILED"; status=1; fi; \
	done; exit $$status

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

fmt: install  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: install
	$(BIN)/mypy nbp_dagster definitions.py

defs-check: install dagster-home
	$(BIN)/nbp validate
	$(BIN)/dagster definitions validate -w workspace.yaml
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/dg check defs
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/dg check toml

docs-check: install
	$(BIN)/python -m pytest -q tests/test_docs.py

dagster-home:
	@mkdir -p $(DAGSTER_HOME)
	@test -f $(DAGSTER_HOME)/dagster.yaml || cp nbp_dagster/dagster.yaml $(DAGSTER_HOME)/

lock:  ## Resolve the dependencies anew (needs uv); writes no registry address
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
	  pyproject.toml -o requirements.lock

clean:  ## Remove the environment and the caches; state in .nbp stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis test-artifacts
