# The two commands: `make run` and `make test`. `make help` lists the others.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-faults lint lint-language messages bench screenshots requirements

VENV := .venv
PY := $(VENV)/bin/python
# Nothing outside the checkout is written: no package cache, and temporary files in var/.
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
TEMPORARY := TMPDIR="$(CURDIR)/var/tmp"

define FIND_PYTHON
for candidate in "$(PYTHON)" python3.13 python3.14 python3.12 python3 \
    $$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python 2>/dev/null | sort -rV); do \
  [ -n "$$candidate" ] && "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' \
    2>/dev/null && { echo "$$candidate"; break; }; \
done
endef

# $(call INSTALL,requirements file): a virtual environment with what the file pins. The lock lets
# `make run` and `make test` be started at the same time in a new clone (macOS has no flock).
define INSTALL
@mkdir -p var/tmp && exec 9>var/install.lock && { ! command -v flock >/dev/null || flock 9; } && \
stamp="$(VENV)/$(1:.txt=)-$$(cksum < $(1) | tr ' ' -)" && \
if [ ! -e "$$stamp" ]; then \
  python=$$($(FIND_PYTHON)); \
  if [ -z "$$python" ]; then \
    echo "PrivacyDash needs Python 3.12 or newer with the venv module, and none was found." >&2; \
    echo "Install it (Debian 13: apt install python3-venv; elsewhere: pyenv install 3.13)," >&2; \
    echo "or name one: make PYTHON=/path/to/python3.13" >&2; exit 1; \
  fi; \
  "$(PY)" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || \
    { rm -rf "$(VENV)" && "$$python" -m venv "$(VENV)"; } && \
  echo "Installing $(1) …" && \
  $(TEMPORARY) "$(PY)" -m pip install --quiet --require-hashes --no-deps -r $(1) && touch "$$stamp"; \
fi
endef

help: ## List the commands.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Set up and serve the site with demo data (PORT=8000, PRIVACYDASH_DATA=var).
	$(call INSTALL,requirements.txt)
	@exec $(PY) -m privacydash.run

test: ## Set up and run the tests.
	$(call INSTALL,requirements-dev.txt)
	@$(PY) -m babel.messages.frontend -q compile -d locale -D django
	@$(TEMPORARY) PYTEST_ARGS="$(PYTEST_ARGS)" bash .ci/test

test-faults: ## Break the site in each way and check that it holds (FAULTS=short or full, SEED=).
	$(call INSTALL,requirements-dev.txt)
	@$(PY) -m babel.messages.frontend -q compile -d locale -D django
	@$(TEMPORARY) FAULTS="$(FAULTS)" SEED="$(SEED)" $(PY) -m tests.faults

lint: ## Check format, types, imports, templates and settings.
	$(call INSTALL,requirements-dev.txt)
	@$(TEMPORARY) bash .ci/lint

lint-language: ## Check the texts of one language: make lint-language L=hu.
	$(call INSTALL,requirements-dev.txt)
	@$(PY) -m wording $(L)

messages: ## Carry new texts of code and templates into the files for translators.
	$(call INSTALL,requirements-dev.txt)
	@$(PY) -m wording --update $(L)

screenshots: ## Take the pictures of README and docs anew.
	$(call INSTALL,requirements-dev.txt)
	@$(PY) -m babel.messages.frontend -q compile -d locale -D django
	@$(TEMPORARY) $(PY) -m tests.screenshots

bench: ## Measure speed as ratios, and keep the table in bench/RESULTS.md.
	$(call INSTALL,requirements-dev.txt)
	@$(TEMPORARY) $(PY) -m bench

requirements: ## Compile requirements*.in to pinned files with hashes.
	$(call INSTALL,requirements-dev.txt)
	@for name in requirements requirements-stores requirements-dev; do \
	  $(PY) -m uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --upgrade \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" \
	    $$name.in -o $$name.txt || exit 1; \
	done
