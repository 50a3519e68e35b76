# make demo | test | lint | clean. Each makes .venv first when it is missing or out of date.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint clean help
.DEFAULT_GOAL := help

help:
	@echo 'make demo   pre-train, evaluate, transfer and report on two CPU cores (work_dirs/demo/report/index.html)'
	@echo 'make test   all tests, in two processes (JOBS=N: in N)'
	@echo 'make lint   ruff'
	@echo 'make clean  remove caches and the demo results; .venv and data stay'

$(INSTALLED): setup.cfg requirements/constraints.txt tools/setup_env.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash tools/setup_env.sh
	@touch $@

demo: $(INSTALLED)
	$(BIN)/mmmask suite configs/suites/demo.py --work-dir work_dirs/demo

test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --durations=10

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf work_dirs/demo build dist mmmask.egg-info .pytest_cache .ruff_cache
	find mmmask tests tools configs -name __pycache__ -type d -prune -exec rm -rf {} +
