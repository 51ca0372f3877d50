# The two commands of the README are `make demo` and `make test`; everything else serves them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# pip compiles one module after the other; all cores do it here. Some modules are templates, which do not compile.
COMPILE := $(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1
# What decides whether the installation is out of date.
FRONT := $(wildcard package.json package-lock.json hatch_build.py src/mainstay/faces/web/assets/*)

.PHONY: demo test lint check lock clean

demo: $(VENV)/.demo
	@$(BIN)/mainstay demo up

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Mainstay needs Python 3.11: install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }

$(VENV)/.demo: $(VENV)/bin/python requirements.lock pyproject.toml $(FRONT)
	@echo "Installing Mainstay into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(COMPILE) & \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	  made=$$?; wait; exit $$made
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	@$(COMPILE) || true
	@touch $@

test: $(VENV)/.dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.run

check: $(VENV)/.dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.run --no-tests

# Write the lock files anew from pyproject.toml. Needs uv.
lock:
	uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet -o requirements.lock
	uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist node_modules demo-data
