# Everything happens in .venv, made from wheels alone: no root, no system packages but python and make.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

.PHONY: run test check bench format clean

run: .venv/run          ## start simulator, two MPI ranks and IOC; Ctrl-C stops them
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/live-reduction run $(ARGS)

test: .venv/test        ## the whole suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(ARGS)

check: .venv/check      ## style, types and layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/check     ## put the sources in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/bench      ## measure beside the peers and write benchmarks/README.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build *.egg-info

.venv/run: setup.cfg
	@echo "Installing into .venv (once; about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) '.[mpi,tools]'
	@touch $@

.venv/test: .venv/run
	@$(INSTALL) '.[mpi,tools,test]'
	@touch $@

.venv/check: .venv/run
	@$(INSTALL) '.[mpi,tools,test,check]'
	@touch $@

.venv/bench: .venv/run
	@$(INSTALL) '.[mpi,tools,bench]'
	@touch $@
