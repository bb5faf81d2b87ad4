# Everything that one does with this repository; `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
LOCKED := .venv/.locked
STAMP := .venv/.installed
FAULT_OPTIONS = $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(KEEP),--keep $(KEEP))

.PHONY: help demo up test coverage check differential bench bench-micro bench-ml bench-scale faults faults-soak faults-mutants lock screenshots

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMP) ## See it at work: fake providers, a storm of alerts, the page that comes out
	@$(BIN)/tocsin demo

up: $(STAMP) ## Start an installation in your home folder (Ctrl-C stops it)
	@$(BIN)/tocsin up

test: $(STAMP) ## Run all tests; those that need the machine to themselves at the end
	@$(BIN)/pytest -m "not alone" -n auto --dist loadfile --no-loadscope-reorder $(COVER)
	@$(BIN)/pytest -m alone $(if $(COVER),--cov-append) $(COVER)

coverage: $(STAMP) ## The same, and which lines they reach (takes half as long again)
	@$(MAKE) --no-print-directory test COVER=--cov

check: $(STAMP) ## Lint, format, types, import arrows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

differential: $(STAMP) ## Compare with a real Alertmanager on random scenarios: SEED=7 COUNT=20
	@DIFFERENTIAL_SEED=$(or $(SEED),$(shell date +%s)) DIFFERENTIAL_COUNT=$(or $(COUNT),20) \
		$(BIN)/pytest -q -rP tests/differential

bench: $(STAMP) ## Measure throughput and latency on this machine
	@$(BIN)/python -m tests.benchmarks.bench

bench-micro: $(STAMP) ## Measure single hot functions
	@$(BIN)/pytest -q -p pytest_benchmark.plugin --benchmark-columns=min,median,max,rounds \
		--benchmark-sort=fullname tests/benchmarks/micro.py

bench-ml: $(STAMP) ## Measure how many alerts can be scored in a second
	@$(BIN)/python -m tests.benchmarks.ml

bench-scale: $(STAMP) ## Measure what growth costs, and the API over ten million alerts (half an hour, 20 GB)
	@$(BIN)/python -m tests.benchmarks.scale

faults: $(STAMP) ## Break an installation in random ways, prove that nothing is lost (SEED=7 plays one again)
	@$(BIN)/python -m tests.faults $(FAULT_OPTIONS)

faults-soak: $(STAMP) ## The same for half an hour: twenty seeds, longer faults, hours of time travel
	@$(BIN)/python -m tests.faults --profile soak $(FAULT_OPTIONS)

faults-mutants: $(STAMP) ## Break each promise on purpose in a copy, and see that a check notices
	@$(BIN)/python -m tests.faults.mutants $(NAMES)

screenshots: $(STAMP) ## Take the pictures of the pages anew (needs chromium)
	@SCREENSHOTS=docs/screenshots $(BIN)/pytest -q -p no:cacheprovider tests/browser/screenshots.py

lock: $(STAMP) ## Resolve the dependencies of pyproject.toml anew (uv, from a throw-away venv)
	@set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	$(PYTHON) -m venv "$$work"; "$$work/bin/pip" install --quiet --disable-pip-version-check uv; \
	"$$work/bin/uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--extra dev pyproject.toml -o requirements.lock

.venv: $(STAMP) ## Make the virtual environment (done by the others when it is needed)

$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: Tocsin needs Python 3.11 or newer as \`$(PYTHON)\`; try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(CURDIR)/.venv: downloads about 200 MB of Python packages (hashes checked), once; takes about a minute"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# The package itself, which only points here; its commands and metadata come from pyproject.toml.
$(STAMP): $(LOCKED) pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
