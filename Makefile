# Needs make, python3 (3.11 or newer) and a package registry; the targets install the rest.

PORT ?= 8080
SECONDS ?= 60
PYTHON ?= python3
NETPULSE_LAB_ROOT ?= $(CURDIR)/.cache/lab-root
export NETPULSE_LAB_ROOT

SETUP := $(PYTHON) tools/setup.py
BIN := .venv/bin

.NOTPARALLEL:
.PHONY: help install demo test check lint types tests bench load fuzz mutation axe shots frontend audit sbom wheel clean

help:
	@echo "make demo      a small Internet and a looking glass in front of it, on http://127.0.0.1:$(PORT) (PORT=... changes it)"
	@echo "make test      lint, types and all tests, with the lab"
	@echo "make install   makes .venv/bin/netpulse"
	@echo "make check     lint and types only"
	@echo "make bench     the numbers, measured on the lab"
	@echo "make axe       accessibility of every page in every state, with axe-core in Chromium"
	@echo "make shots     pictures of every page, in .cache/shots"
	@echo "make load      what it stands: crowds, slow clients, ten thousand streams, 200 kills (SECONDS=10 makes it shorter)"
	@echo "make fuzz      the properties with other examples, 50 times as many; MINUTES=... bounds it"
	@echo "make mutation  each small change of the validator and the limiter must fail a test"
	@echo "make frontend  builds style sheets and scripts again from frontend/ (needs node and npm; their result is committed)"
	@echo "make audit     known weaknesses in what is locked (needs the network; 0 none, 1 some, 2 not found out)"
	@echo "make sbom      dist/netpulse.cdx.json: what a release consists of, as CycloneDX"
	@echo "make wheel     dist/: a wheel, and the locked versions of what it needs, for an installation"
	@echo "make clean     removes everything that the other targets made in this folder"

install:
	@$(SETUP)

demo: install
	@exec $(BIN)/netpulse demo --port $(PORT)

test:
	@$(SETUP) --dev
	@$(MAKE) --no-print-directory --keep-going lint types tests

check:
	@$(SETUP) --dev
	@$(MAKE) --no-print-directory --keep-going lint types

lint:
	@echo "== lint (ruff)"
	@$(BIN)/ruff check

types:
	@echo "== types (mypy --strict)"
	@$(BIN)/mypy

tests:
	@echo "== tests (pytest)"
	@$(BIN)/pytest

bench:
	@$(SETUP) --dev
	@$(BIN)/python tools/bench.py

axe:
	@$(SETUP) --dev
	@$(BIN)/pytest -q tests/test_axe.py

shots:
	@$(SETUP) --dev
	@$(BIN)/python tools/shots.py

load:
	@$(SETUP) --dev
	@$(BIN)/python tools/load.py --seconds $(SECONDS)

fuzz:
	@$(SETUP) --dev
	@$(BIN)/python tools/fuzz.py $(if $(MINUTES),--minutes $(MINUTES)) $(LANES)

mutation:
	@$(SETUP) --dev
	@$(BIN)/python tools/mutate.py $(FILES)

frontend:
	@cd frontend && npm ci --silent --no-audit --no-fund && node build.mjs

audit:
	@$(SETUP)
	@$(BIN)/python tools/audit.py

sbom:
	@$(SETUP)
	@mkdir -p dist
	@PATH="$(CURDIR)/$(lastword $(sort $(wildcard .cache/uv-*))):$$PATH" uv export --frozen --no-dev --quiet \
	  --preview-features sbom-export --format cyclonedx1.5 --output-file dist/netpulse.cdx.json
	@$(BIN)/python -c 'import json; found = json.load(open("dist/netpulse.cdx.json")); \
	  print("sbom: dist/netpulse.cdx.json,", len(found["components"]), "components,", found["bomFormat"], found["specVersion"])'

wheel:
	@$(SETUP)
	@mkdir -p dist && rm -f dist/*.whl
	@PATH="$(CURDIR)/$(lastword $(sort $(wildcard .cache/uv-*))):$$PATH" uv build --wheel --quiet --out-dir dist
	@PATH="$(CURDIR)/$(lastword $(sort $(wildcard .cache/uv-*))):$$PATH" uv export --frozen --no-dev --no-emit-project --quiet \
	  --output-file dist/requirements.txt
	@echo "wheel: $$(ls dist/*.whl) and dist/requirements.txt"

clean:
	rm -rf .venv .cache frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis dist
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
