# `make demo` and `make test` work on a machine with only Python and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench clean

demo: .venv/demo
	$(BIN)/python examples/vanishing_gradients.py

test: .venv/test
	$(BIN)/python -m pytest -q -n auto

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/bench
	$(BIN)/python -m benchmarks

# One environment; each stamp adds an extra of pyproject.toml to it.
.venv/%: pyproject.toml | .venv/bin
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

.venv/bin:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv report dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
