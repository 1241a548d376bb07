# `make` alone lists what there is.
# PORT moves every port together: make run PORT=5000
PYTHON ?= python3
BIN := .venv/bin
DEVSTACK := $(BIN)/python -m devstack

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PORT PEER ROLE

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install install-dev
install: ## .venv with what `make run` needs
	@$(PYTHON) devstack/bootstrap.py requirements/devstack.txt
install-dev: ## .venv with what `make test` needs
	@$(PYTHON) devstack/bootstrap.py requirements/dev.txt

.PHONY: run demo env stop clean users-shell notes-shell
run: install ## The whole system on this machine, until Ctrl-C
	@exec $(DEVSTACK) run
demo: install ## One demo user's way through the running stack
	@$(DEVSTACK) demo
env: install ## The running stack's settings as KEY=VALUE
	@$(DEVSTACK) env
stop: install ## Stop the running stack
	@$(DEVSTACK) stop
users-shell: install ## Django's shell of users_project, on the running stack
	@$(DEVSTACK) users-shell
notes-shell: install ## Django's shell of notes_project, on the running stack
	@$(DEVSTACK) notes-shell
clean: install ## Remove the stack's data, keys and secrets (.local)
	@$(DEVSTACK) clean

.PHONY: test test-users test-notes test-docs test-devstack test-system test-openapi test-browser test-security test-bench test-debezium test-compose test-supply
.PHONY: lint types
.PHONY: test-faults test-faults-short test-faults-off test-any-order
# The longest first.
SUITES := test-users test-notes test-system test-browser test-faults-short lint types test-supply test-docs
# Half of a suite's time is waiting for servers: four at a time, each with its output in one piece.
test: install-dev ## What a change has to pass before it is shown; CI runs more, see .ci/run
	@$(MAKE) --jobs=4 --output-sync=target $(SUITES)
test-users: install-dev ## users_project's own tests, and what it sends by the event contract
	@$(BIN)/pytest -c tests/users/pytest.ini tests/users tests/contract/producer
test-notes: install-dev ## notes_project's own tests, and what it takes by the event contract
	@$(BIN)/pytest -c tests/notes/pytest.ini tests/notes tests/contract/consumer
test-docs: install-dev ## That the documentation says what is so
	@$(BIN)/pytest tests/docs
test-devstack: install-dev ## `make run` and its relatives, in a clone of the last commit
	@$(BIN)/pytest tests/devstack
test-system: install-dev ## The whole stack, through the gateway
	@$(BIN)/pytest tests/system --ignore=tests/system/browser --ignore=tests/system/test_openapi.py
test-openapi: install-dev ## What the OpenAPI documents say, tried on the whole stack by schemathesis
	@$(BIN)/pytest tests/system/test_openapi.py
test-browser: install-dev ## The pages in Chromium, through the gateway
	@$(BIN)/pytest tests/system/browser tests/system/test_secrets.py
test-security: install-dev ## What an attacker would try, through the gateway; five minutes
	@$(BIN)/pytest tests/security
test-faults: install-dev ## The fault matrix: kills, stops and cuts under load; FAULT_SEED=N repeats a run
	@$(BIN)/pytest tests/faults
test-faults-short: install-dev ## A few rows of it
	@$(BIN)/pytest tests/faults -m short
test-faults-off: install-dev ## That each row fails without the mechanism that it covers
	@$(BIN)/pytest tests/faults --mechanisms-off
test-any-order: export ANY_ORDER_EXAMPLES ?= 5000
test-any-order: install-dev ## Events, deletions, replays and restarts in thousands of orders
	@$(BIN)/pytest -c tests/users/pytest.ini tests/users/outbox/test_any_order.py -k ends_in
	@$(BIN)/pytest -c tests/notes/pytest.ini tests/notes/inbox/test_any_order.py \
	  tests/notes/inbox/test_any_assignment.py -k ends_in
test-bench: install-dev ## That the benchmarks still run, on a little data
	@$(BIN)/pytest tests/benchmarks
test-debezium: install-dev ## Debezium in the relay's place, on Kafka Connect; three minutes
	@$(BIN)/pytest tests/debezium
test-supply: install-dev ## The licences of all packages, and the lists that are made of them
	@$(BIN)/pytest tests/supply
test-compose: install-dev ## compose.yaml; needs a container engine with Compose
	@$(BIN)/pytest tests/compose
lint: install-dev ## ruff, and that the projects import nothing of each other
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@PYTHONPATH=users_project:notes_project:. $(BIN)/lint-imports
types: install-dev ## mypy --strict for each project, for devstack and requirements
	@cd users_project && $(UNUSED) MYPYPATH=. ../$(BIN)/mypy --config-file ../pyproject.toml .
	@cd notes_project && $(UNUSED) MYPYPATH=. ../$(BIN)/mypy --config-file ../pyproject.toml .
	@$(UNUSED) MYPYPATH=users_project $(BIN)/mypy --config-file pyproject.toml devstack requirements

.PHONY: sbom licences vulnerabilities
sbom: install-dev ## sbom.cdx.json: all that is deployed, as CycloneDX
	@$(BIN)/python requirements/supply.py sbom sbom.cdx.json
licences: install-dev ## Those of all packages; fails for one without an answer in requirements/answers.toml
	@$(BIN)/python requirements/supply.py licences
vulnerabilities: install-dev ## Asks OSV about all packages; fails as above, and where it does not answer
	@$(BIN)/python requirements/supply.py vulnerabilities

.PHONY: docs reference screenshots
docs: install-dev ## The documentation as pages, site/docs/index.html; a broken link is an error
	@$(BIN)/python -m sphinx -a -W --keep-going -q -c docs . site
reference: install-dev ## Write docs/reference/ again, after a change of a command, an endpoint or an event
	@$(BIN)/python docs/reference.py
screenshots: install-dev ## Take docs/screenshots/ again, after a change of a page; needs Chromium
	@$(BIN)/python -m docs.screenshots

.PHONY: bench
bench: install-dev ## Benchmarks; ONLY=P9 for one, PEER=FOLDER with the peer
	@$(BIN)/python -m tests.benchmarks $(ONLY)

# mypy's plugin loads the settings, which refuse an empty environment; it uses none of these.
UNUSED := GATEWAY_URL=http://- KAFKA_BOOTSTRAP_SERVERS=- \
  USERS_SECRET_KEY=$$(printf %050d 0) USERS_DATABASE_URL=postgres://-/- USERS_SIGNING_KEYS_DIR=- \
  NOTES_SECRET_KEY=$$(printf %050d 0) NOTES_DATABASE_URL=postgres://-/- NOTES_JWKS_URL=http://-

COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 --no-header -q
.PHONY: lock
lock: install-dev ## Compile requirements/*.in, and the list of Kafka's jars
	@cd requirements && ../$(COMPILE) dev.in -o dev.txt
	@cd requirements && for each in devstack users notes; do \
	  ../$(COMPILE) -c dev.txt $$each.in -o $$each.txt || exit 1; done
	@$(DEVSTACK) lock-jars
