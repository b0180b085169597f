# Each target makes .venv and installs into it what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := demo,deliveries,notify,otel,postgres,bigquery,snowflake

.PHONY: help demo test test-thorough test-quick test-oldest test-newest test-engines faults test-feathers lint format settings pages constraints clean bench bench-deliveries bench-models bench-daily test-lineage bench-cost test-airflow test-dagster test-image test-marimo test-superset test-pgbouncer warehouses cloud-bigquery cloud-snowflake test-metrics nightly mutation
help: ## Show this list
	@grep -hE '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# uv takes seconds where pip takes a minute; where only pip is told of an index, pip installs.
install = $(BIN)/python -m pip install --quiet 'pip>=25.1' uv && \
  $(BIN)/uv pip install --quiet --python $(VENV) -c constraints.txt $(1) || $(BIN)/python -m pip install --quiet -c constraints.txt $(1)

$(BIN)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(call install,-e '.[demo]')
	touch $@

$(BIN)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(call install,-e '.[$(EXTRAS)]' --group dev)
	touch $@ $(BIN)/.demo

demo: $(BIN)/.demo ## Run the whole job against a local API with made-up exports
	$(BIN)/didomi demo

# Tests that build the models or run the job again and again: measuring would make them take half as long again. Short files are last.
WHOLE_JOBS := docs models warehouses faults job packaging pipelines browser bi reading/test_paging.py deliveries/test_run.py \
  $(addprefix source/test_,modes.py packages.py runs.py tables.py) $(addprefix cli/test_,deliveries.py models.py shown.py streams.py) warehouse/test_duckdb_storage.py

test: $(BIN)/.dev ## Run all tests but the thorough ones, and ask for 90 % branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m 'not thorough' $(addprefix --ignore=tests/,$(WHOLE_JOBS))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/pytest -n 3 -m 'not thorough' $(addprefix tests/,$(WHOLE_JOBS))

test-thorough: $(BIN)/.dev ## Run those that try what the others try on more ground
	$(BIN)/pytest -n 3 -m thorough tests

# What takes minutes, and needs neither servers nor a browser: for the Pythons and versions of .github/workflows/ci.yml.
QUICK := $(addprefix tests/,$(notdir $(wildcard tests/test_*.py)) api reading source warehouse sandbox health notify metrics report)

test-quick: $(BIN)/.dev ## Run the tests that take minutes only
	$(BIN)/python -m pytest $(QUICK)

test-oldest test-newest: test-%: .venvs/%/ready ## Run those with the oldest versions that pyproject.toml allows, and with the newest
	.venvs/$*/bin/python -m pytest $(QUICK)

# What a package asks for in vain is overridden: see the file.
OVERRIDES := --override tests/environments/overrides

.venvs/oldest/ready .venvs/newest/ready: .venvs/%/ready: pyproject.toml tests/environments/overrides
	$(PYTHON) -m venv .venvs/$*
	.venvs/$*/bin/pip install --quiet uv
	.venvs/$*/bin/uv pip compile --quiet --python .venvs/$* --all-extras --resolution $(if $(filter oldest,$*),lowest-direct,highest) \
		$(OVERRIDES) pyproject.toml --output-file .venvs/$*/versions.txt
	.venvs/$*/bin/uv pip install --quiet --python .venvs/$* -c .venvs/$*/versions.txt $(OVERRIDES) -e '.[$(EXTRAS)]' --group dev
	touch $@

# DuckDB+dbt, as people have them (docs/engines.md). The first is what constraints.txt has: its DuckDB reads what the others wrote.
ENGINES := 1.5.6+1.11.16 2.0.1+1.11.16 1.5.6+1.12.6 2.0.1+1.12.6
ENGINE_TESTS := $(addprefix tests/,source models report bi warehouse)

test-engines: $(BIN)/.dev $(ENGINES:%=.venvs/engines/%/ready) ## Run those of the engines with each DuckDB and dbt, and compare the marts
	PYTHONPATH=tests $(BIN)/python tests/engines.py $(ENGINES) --tests $(ENGINE_TESTS)

.venvs/engines/%/ready: pyproject.toml constraints.txt tests/environments/overrides
	$(PYTHON) -m venv .venvs/engines/$*
	.venvs/engines/$*/bin/pip install --quiet uv
	grep -vE '^(duckdb|dbt-.*|sqlglot)==' constraints.txt > .venvs/engines/$*/constraints.txt
	.venvs/engines/$*/bin/uv pip install --quiet --python .venvs/engines/$* -c .venvs/engines/$*/constraints.txt $(OVERRIDES) \
		duckdb==$(word 1,$(subst +, ,$*)) dbt-core==$(word 2,$(subst +, ,$*)) -e '.[$(EXTRAS)]' --group dev
	touch $@

faults: $(BIN)/.dev ## Try all faults, kills and moving lists, and count what was lost, doubled or leaked
	FAULTS=all $(BIN)/python -m pytest tests/faults tests/job

nightly: SEED := $(or $(SEED),$(shell date +%s))
nightly: $(BIN)/.dev ## The same with 1,000 schedules that are new each night; SEED=… plays those of another one
	@echo "SEED=$(SEED)"
	FAULTS=nightly $(BIN)/python -m pytest --hypothesis-seed=$(SEED) tests/faults tests/job

test-feathers: $(BIN)/.dev ## Run the job against FeathersJS itself (needs Node and PostgreSQL)
	cd tests/feathers && npm install --no-audit --no-fund --no-package-lock --silent
	$(BIN)/pytest -n 2 --dist load --override-ini=addopts= -p no:cacheprovider tests/feathers

# What is too heavy for .venv has an environment of its own.
.venvs/%/ready: tests/environments/%.txt
	$(PYTHON) -m venv .venvs/$*
	.venvs/$*/bin/pip install --quiet -r $<
	touch $@

.venvs/mutation/ready: tests/environments/mutation.txt pyproject.toml
	$(PYTHON) -m venv .venvs/mutation
	.venvs/mutation/bin/pip install --quiet 'pip>=25.1'
	.venvs/mutation/bin/pip install --quiet -r $< -e '.[$(EXTRAS)]' --group dev
	touch $@

mutation: .venvs/mutation/ready ## Break sync, paging and auth in every small way: the quick tests have to notice 85 % of it
	PATH=$(CURDIR)/.venvs/mutation/bin:$$PATH nice mutmut run
	.venvs/mutation/bin/mutmut export-cicd-stats
	.venvs/mutation/bin/python tests/mutation.py

test-airflow: $(BIN)/.dev .venvs/airflow/ready ## Run the DAG in Airflow
	$(BIN)/python -m pytest -n 0 tests/pipelines/in_airflow.py

test-dagster: $(BIN)/.dev .venvs/dagster/ready ## Validate and make the assets in Dagster
	$(BIN)/python -m pytest -n 0 tests/pipelines/in_dagster.py

test-image: $(BIN)/.dev ## Follow the Dockerfile without an engine (needs root on Linux)
	$(BIN)/python -m pytest -n 0 tests/pipelines/in_image.py

test-marimo: $(BIN)/.dev .venvs/marimo/ready ## Run the notebook in marimo
	$(BIN)/python -m pytest -n 0 tests/bi/in_marimo.py

test-superset: $(BIN)/.dev .venvs/superset/ready ## Import the dashboard into Superset and look at it
	$(BIN)/python -m pytest -n 0 tests/bi/in_superset.py

test-pgbouncer: $(BIN)/.dev ## Run the job on PostgreSQL through pgbouncer (Debian's package)
	$(BIN)/python -m pytest -n 0 tests/warehouses/in_pgbouncer.py

warehouses: $(BIN)/.dev ## Run the whole job on PostgreSQL, DuckLake and the emulators of BigQuery and Snowflake
	tests/warehouses/install
	DIDOMI_WAREHOUSES=1 $(BIN)/pytest --timeout 900 tests/warehouses

cloud-bigquery cloud-snowflake: cloud-%: $(BIN)/.dev ## Do it on an account of yours (docs/warehouses.md)
	DIDOMI_CLOUD=$* DIDOMI_WAREHOUSES=1 $(BIN)/pytest -n 0 -rs --timeout 1800 \
		tests/warehouses/test_on_$*.py "tests/warehouses/test_moving.py::test_everything_comes_along[$*]"

# Each file of .github/ with its schema; check-jsonschema carries them, so that no network is needed.
SCHEMA := $(BIN)/check-jsonschema --builtin-schema vendor

lint: $(BIN)/.dev ## Check style, types, spelling, and what GitHub and pre-commit read
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(SCHEMA).github-workflows .github/workflows/*.yml
	$(SCHEMA).github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(SCHEMA).github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA).dependabot .github/dependabot.yml
	$(BIN)/pre-commit validate-config

format: $(BIN)/.dev ## Mend style
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

settings: $(BIN)/.dev ## Write the settings into README, .dlt/ and the files of `didomi init`
	$(BIN)/python tests/docs/settings_pages.py

pages: settings ## Write what the docs show as well: tables of the models, output of the queries, the picture of `status`
	$(BIN)/python tests/docs/models_page.py
	PYTHONPATH=tests $(BIN)/python tests/support/readme.py
	PYTHONPATH=tests $(BIN)/python tests/docs/status_picture.py

constraints: ## Pin every dependency anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --no-emit-index-url \
		--all-extras --group dev --upgrade --constraint tests/environments/pins pyproject.toml --output-file constraints.txt

test-lineage: $(BIN)/.dev ## Run the section on OpenLineage, with dbt-ol in an environment of its own
	PYTHONPATH=tests $(BIN)/python tests/docs/lineage.py

bench: $(BIN)/.dev ## Compare with the peers, measure growth and start-up, and profile
	$(BIN)/python benchmarks/peers.py --growth

bench-deliveries: $(BIN)/.dev ## Count delivered files beside DuckDB, dlt and a bare inflate, and check the bounds
	$(BIN)/python benchmarks/deliveries.py

bench-daily: $(BIN)/.dev ## Compare a daily run, a first run and `didomi status` with an earlier commit; BASELINE=… names another one
	$(BIN)/python benchmarks/daily.py $(if $(BASELINE),--baseline $(BASELINE))

bench-models: $(BIN)/.dev ## Build the models on a million logs
	$(BIN)/python benchmarks/models.py

bench-cost: $(BIN)/.dev ## Compute what a daily run reads on BigQuery
	$(BIN)/python benchmarks/warehouse_cost.py

test-metrics: $(BIN)/.dev ## Try the semantic layer with dbt 1.12 and MetricFlow, in .venvs/
	tests/models/install_metricflow
	$(BIN)/python -m pytest -n 0 tests/models/metricflow.py

clean: ## Remove what the targets made
	rm -rf $(VENV) .venvs didomi-demo .didomi artefacts .coverage .mypy_cache .ruff_cache
