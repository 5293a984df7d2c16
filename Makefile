# Two commands matter: `make run` and `make test`. `make help` lists the rest.

HOST ?= 127.0.0.1
PORT ?= 8000
FUZZ_S ?= 1800
VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
NODE_CLIENTS := tests/clients/node
GENERATIONS := tests/clients/generations
OLD_CLIENTS := $(patsubst $(GENERATIONS)/python-%.txt,build/clients/python-%/.stamp,\
	$(wildcard $(GENERATIONS)/python-*.txt)) \
	$(patsubst $(GENERATIONS)/node-%.json,build/clients/node-%/.stamp,\
	$(wildcard $(GENERATIONS)/node-*.json))
CODE := orqstudio identities metering tests bench manage.py

# In CI a missing program fails a test that elsewhere is skipped with its reason.
ifeq ($(CI),true)
export ORQSTUDIO_REQUIRE ?= browser,contract
endif

.DEFAULT_GOAL := help
.PHONY: help run demo test test-clients lint types format browser fuzz examples \
	bench programs node-clients old-clients clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.runtime ## Start everything on http://HOST:PORT (127.0.0.1:8000)
	@exec $(PYTHON) manage.py serve --host $(HOST) --port $(PORT)

demo: $(VENV)/.runtime ## The same with sample identities, budgets and usage
	@exec $(PYTHON) manage.py serve --host $(HOST) --port $(PORT) --demo

test: lint types programs node-clients old-clients ## Lint, types and the whole suite
	@$(PYTHON) -m pytest

test-clients: $(VENV)/.tests node-clients old-clients ## Only official clients
	@$(PYTHON) -m pytest -m contract

lint: $(VENV)/.tests ## Check style, format and templates
	@$(PYTHON) -m ruff check --quiet $(CODE)
	@$(PYTHON) -m ruff format --quiet --check $(CODE)
	@$(PYTHON) -m djlint --quiet --lint templates

types: $(VENV)/.tests ## Check types
	@$(PYTHON) -m mypy --no-error-summary

format: $(VENV)/.tests ## Write code in the house's format
	@$(PYTHON) -m ruff check --quiet --fix $(CODE) || true
	@$(PYTHON) -m ruff format --quiet $(CODE)

browser: $(VENV)/.tests programs ## Only the tests in the real Chromium
	@$(PYTHON) -m pytest -m browser

fuzz: $(VENV)/.tests ## Call everything at random for FUZZ_S seconds (1800)
	@$(PYTHON) -m tests.openapi.fuzz $(FUZZ_S)

examples: $(VENV)/.tests ## Write the examples of the OpenAPI document anew
	@$(PYTHON) -m tests.openapi.write_examples

bench: $(VENV)/.runtime ## Measure governed calls (docs/performance.md)
	@$(PYTHON) -m bench.governed_call

programs: ## Install Debian's Chromium if there is none and we may
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	|| command -v google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	     && echo "Installing Chromium for the browser tests." \
	     && apt-get -qq update \
	     && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
	        --no-install-recommends chromium >/dev/null; } \
	|| echo "There is no Chromium and it cannot be installed from here."

node-clients: ## Install the official Node client for the contract tests
	@command -v npm >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	     && echo "Installing Node for the tests of the official client." \
	     && apt-get -qq update \
	     && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
	        --no-install-recommends nodejs npm >/dev/null; } \
	|| echo "There is no npm and it cannot be installed from here."
	@! command -v npm >/dev/null || $(MAKE) -s $(NODE_CLIENTS)/node_modules/.stamp \
	|| echo "The official Node client cannot be installed from here."

old-clients: $(VENV)/.tests node-clients ## Install older generations of the clients
	@$(MAKE) -s -k -j2 $(OLD_CLIENTS) \
	|| echo "Not every official client can be installed from here."

clean: ## Remove the environment and caches; never the data
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* \
	  $(NODE_CLIENTS)/node_modules build/clients

# The environment. A stamp is written last, so a broken installation is repeated;
# one that cannot even run pip is made anew.
$(VENV)/.runtime: requirements.txt
	@if ! $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  for python in python3.13 python3.12 python3.11 python3; do \
	    if $$python -c 'import sys, venv, ensurepip; \
	sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then \
	      rm -rf $(VENV) && $$python -m venv $(VENV) && break || exit 1; \
	    fi; \
	  done; \
	  if ! [ -x $(PYTHON) ]; then \
	    echo "orqstudio needs Python 3.11, 3.12 or 3.13 with its venv module" \
	         "(Debian: apt install python3-venv)." >&2; \
	    exit 1; \
	  fi; \
	fi
	@echo "Installing what orqstudio needs into $(VENV)."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.runtime
	@echo "Installing what the tests need into $(VENV)."
	@$(PIP) -r tests/requirements.txt
	@touch $@

$(NODE_CLIENTS)/node_modules/.stamp: $(NODE_CLIENTS)/package-lock.json
	@echo "Installing the official Node client into $(NODE_CLIENTS)."
	@cd $(NODE_CLIENTS) && npm ci --loglevel=error >/dev/null
	@touch $@

build/clients/python-%/.stamp: $(GENERATIONS)/python-%.txt \
		$(GENERATIONS)/constraints.txt
	@echo "Installing the official Python client $* into $(@D)."
	@rm -rf $(@D) && $(PYTHON) -m venv --without-pip $(@D)
	@$(PYTHON) -m pip --python $(@D)/bin/python --quiet \
	  --disable-pip-version-check install -r $<
	@touch $@

build/clients/node-%/.stamp: $(GENERATIONS)/node-%.json
	@echo "Installing the official Node client $* into $(@D)."
	@rm -rf $(@D) && mkdir -p $(@D)
	@cp $< $(@D)/package-lock.json && cp $(NODE_CLIENTS)/.npmrc $(@D)
	@echo '{"private": true, "type": "module",' \
	  '"dependencies": {"@orq-ai/node": "$*"}}' >$(@D)/package.json
	@cd $(@D) && npm ci --loglevel=error >/dev/null
	@touch $@
