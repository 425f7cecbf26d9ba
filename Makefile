# make run: the designer in the browser. make test: everything that must pass. Both set themselves up.
BIN := .venv/bin
DESIGN ?=
PORT ?= 7860

.PHONY: setup run test test-slow check bench regen clean

setup: .venv/.stamp

.venv/.stamp: pyproject.toml constraints.txt constraints-cpu.txt scripts/setup.sh
	scripts/setup.sh

.venv/.stamp-dev: pyproject.toml constraints.txt constraints-cpu.txt scripts/setup.sh
	scripts/setup.sh dev
	@touch .venv/.stamp .venv/.stamp-dev

run: .venv/.stamp
	$(BIN)/designer ui $(DESIGN) --port $(PORT)

test: .venv/.stamp-dev
	scripts/browser.sh
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow"

test-slow: .venv/.stamp-dev
	$(BIN)/python -m pytest -q -m slow

check: .venv/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m designer.regen --check
	$(BIN)/python scripts/bundle_hash.py

bench: .venv/.stamp-dev
	$(BIN)/python -m benchmarks

regen: .venv/.stamp-dev
	$(BIN)/python -m designer.regen

clean:
	rm -rf .venv build dist
