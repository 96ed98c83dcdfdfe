# Everything a person or CI does with this checkout. `make` alone lists it.

PYTHONS := python3.13 python3.12 python3.11 python3 python
FIT := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
WORKERS ?= 2
# More arguments for pytest: make test ARGS="-k escrow"
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCKED := $(PIP) --require-hashes --no-deps
LOCK := --quiet --upgrade --generate-hashes --no-header --no-annotate --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

.DEFAULT_GOAL := help
.PHONY: help demo test check bench format lock clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: .venv/.runtime ## set up .venv and run a whole purchase in a market of its own
	@$(BIN)/jangteo run escrow_purchase

test: .venv/.dev ## run the tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: .venv/.dev ## everything CI checks: format, lint, imports, types, tests
	@echo '== format';  $(BIN)/ruff format --check .
	@echo '== lint';    $(BIN)/ruff check .
	@echo '== imports'; $(BIN)/lint-imports
	@echo '== types';   $(BIN)/mypy
	@echo '== tests'
	@$(MAKE) --no-print-directory test

bench: .venv/.runtime ## measure how quick it is (about 12 minutes), print the README's table
	@$(BIN)/jangteo bench --all --markdown

format: .venv/.dev ## put the code in its one format, mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean: ## remove .venv and every cache; worlds and runs stay
	@rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find crypto dht nodes scenarios tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Resolved under the oldest supported Python, whose set holds every later one's.
lock: ## resolve requirements*.txt anew from pyproject.toml (needs python3.11)
	@mkdir -p .venv && python3.11 -m venv .venv/lock && .venv/lock/bin/pip install --quiet pip-tools==7.6.2
	@.venv/lock/bin/pip-compile $(LOCK) -o requirements.txt pyproject.toml
	@.venv/lock/bin/pip-compile $(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt pyproject.toml
	@.venv/lock/bin/pip-compile $(LOCK) --only-build-deps --build-deps-for wheel \
	  -o requirements-build.txt pyproject.toml

# One quiet line for what takes a while; the log is shown when it fails.
define set_up
	@python=; for candidate in $(PYTHONS); do \
	  if $$candidate -c '$(FIT)' >/dev/null 2>&1; then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo 'Python 3.11 or newer with its venv module is needed (Debian: apt install python3-venv).' >&2; \
	  echo 'Another one: make demo PYTHONS=/path/to/python3' >&2; exit 1; fi; \
	started=$$(date +%s); log=$$(mktemp); printf '%s ' '$(1)'; \
	if { $(BIN)/python -c '$(FIT)' || $$python -m venv --clear .venv; } >/dev/null 2>"$$log" \
	  && { $(2); } >>"$$log" 2>&1; \
	then echo "done in $$(( $$(date +%s) - started )) s"; rm -f "$$log"; \
	else echo 'failed:'; tail -n 20 "$$log" >&2; rm -f "$$log"; exit 1; fi
	@touch $@
endef

.venv/.runtime: requirements.txt requirements-build.txt pyproject.toml
	$(call set_up,Setting up .venv ................................................,\
	  $(LOCKED) -r requirements.txt -r requirements-build.txt && $(PIP) --no-deps --no-build-isolation -e .)

.venv/.dev: .venv/.runtime requirements-dev.txt
	$(call set_up,Adding the tools for tests and checks ............................,\
	  $(LOCKED) -r requirements-dev.txt)
