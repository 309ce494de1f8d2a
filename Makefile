# Every target does its own set-up; nothing but Python 3.11+, git and make is needed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
DATA ?= ../shared/data

.PHONY: setup demo test validate bench lint clean

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@command -v uv >/dev/null 2>&1 || test -x $(VENV)/tools/bin/uv || \
		($(PYTHON) -m venv $(VENV)/tools && $(VENV)/tools/bin/pip install --quiet --disable-pip-version-check uv)
	@PATH="$$PWD/$(VENV)/tools/bin:$$PATH"; set -e; \
		test -x $(BIN)/python || uv venv --quiet --allow-existing --python $(PYTHON) $(VENV); \
		uv pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.lock; \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.ready

demo: setup
	$(RUN) $(BIN)/twin run gb300-su --out runs

test: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(RUN) $(BIN)/python -m pytest -n 2 --dist loadfile tests thermal electrical network_topology twin

validate: setup
	$(RUN) $(BIN)/python -m pytest tests/validate --data $(DATA) -rA

bench: setup
	$(RUN) $(BIN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf $(VENV) dist build *.egg-info
