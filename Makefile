# The same verbs here and in the checks of a merge. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
ENGLISH := README.md Makefile bot actions guardrails deploy
# Locks, and what patients write: misspelt on purpose, and in several languages.
NOT_SPELLED := '*/locks/*,*/requirements.txt,*/dialogue/data/*,*/cases/*,*/sentences/*,*/careguard/names.py,*/careguard/name_words.py,*/careguard/disguises.py,*/careguard/spelling.py,*/translations/*,*/__pycache__/*'
# These start the whole product: one at a time, with the machine to themselves.
ALONE := tests/conversations tests/journeys

.DEFAULT_GOAL := help
.PHONY: help up test check unit bench set-up set-up-dev prepare lock clean

help: ## Say what each verb does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: set-up ## Set up what is missing, then start everything and print the addresses
	@exec $(BIN)/bedside up

test: set-up-dev prepare check ## Everything: the checks, then the whole suite through the real processes
	$(RUN) pytest --numprocesses 2 --dist loadfile $(ALONE:%=--ignore %)
	$(RUN) pytest $(ALONE)

check: ## Lint, types, import rules, spelling (after one `make set-up-dev`)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell --quiet-level 3 --ignore-words-list te,nd,ine,calle,tage,adresse,aprox,mis,bleedin --skip $(NOT_SPELLED) $(ENGLISH)

unit: ## The fast tests: no processes, no browser
	$(RUN) pytest tests/unit tests/safety tests/architecture

bench: set-up-dev prepare ## The speed report: ratios against a stock Rasa, in one run
	$(RUN) tests.benchmarks

set-up: ## Build both environments, without the tools of development
	@$(PYTHON) deploy/set_up.py all

set-up-dev: ## Build both environments, with the tools of development
	@$(PYTHON) deploy/set_up.py all --dev

prepare: ## Train the dialogue and embed the content, where they have changed
	@$(RUN) bot.preparation

# torch is left out of the lock (set_up.py takes the build that fits the machine); its line would stand as "never".
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
	--overrides deploy/locks/overrides.in pyproject.toml deploy/locks/torch-needs.in
LOCKS := deploy/locks

lock: set-up-dev ## Make the locks again from pyproject.toml and bot/dialogue/requirements.in
	$(COMPILE) --group dev | grep -v "sys_platform == 'never'" > $(LOCKS)/all.tmp
	$(COMPILE) --constraints $(LOCKS)/all.tmp | grep -v "sys_platform == 'never'" > $(LOCKS)/application.txt
	grep -vxFf $(LOCKS)/application.txt $(LOCKS)/all.tmp > $(LOCKS)/development.txt
	rm $(LOCKS)/all.tmp
	cd bot/dialogue && head -3 requirements.txt | grep '^#' > requirements.tmp; \
	../../$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header \
	    --overrides overrides.txt requirements.in | grep -v "sys_platform == 'never'" >> requirements.tmp && \
	mv requirements.tmp requirements.txt

clean: ## Remove the environments and caches; what patients wrote (.bedside) stays
	rm -rf .venv .venv-dialogue .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage \
		build dist reports
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
