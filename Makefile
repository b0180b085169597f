# Each target makes .venv and installs into it what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint format constraints clean bench-models test-metrics
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[demo]'
	touch $@

$(BIN)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@ $(BIN)/.demo

demo: $(BIN)/.demo ## Run the whole job against a local API with made-up exports
	$(BIN)/didomi demo

test: $(BIN)/.dev ## Run all tests, and ask for 90 % branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(BIN)/.dev ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(BIN)/.dev ## Mend style
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

constraints: ## Pin every dependency anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --no-emit-index-url \
		--all-extras --upgrade pyproject.toml --output-file constraints.txt

bench-models: $(BIN)/.dev ## Build the models on a million logs
	$(BIN)/python benchmarks/models.py

test-metrics: $(BIN)/.dev ## Try the semantic layer with dbt 1.12 and MetricFlow, in .venvs/
	tests/models/install_metricflow
	$(BIN)/python -m pytest -n 0 tests/models/metricflow.py

clean: ## Remove what the targets made
	rm -rf $(VENV) didomi-demo .didomi .coverage .mypy_cache .ruff_cache
