# One command per need. Everything is made in .local/, which git ignores.
.DEFAULT_GOAL := help

BENCH := $(subst _,-,$(patsubst benchmarks/test_%.py,%,$(wildcard benchmarks/test_*.py))) # bench-claims, bench-tick, …
LOCAL := .local
BIN   := $(LOCAL)/venvs/dev/bin
SAM   := $(LOCAL)/venvs/sam/bin/sam
CODE  := $(wildcard layers/dialer layers/dependencies functions local cli tests benchmarks)
PORT  ?= 8790
unexport PYTHONDONTWRITEBYTECODE # where an image sets it, every process would compile again all that it imports
PROOF := PYTHONHASHSEED=0 PYTHONPATH=layers/dialer:. $(BIN)/python -m

# Any working Python starts the bootstrap; it looks for 3.11, 3.12 or 3.13 itself. `make PYTHON=/path/to/python …` decides.
define bootstrap
@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	if $$python -c "" >/dev/null 2>&1; then exec $$python local/bootstrap.py $(1); fi; \
done; echo "Install Python 3.11, 3.12 or 3.13: no working python3 is on PATH." >&2; exit 2
endef

.PHONY: help demo test check soak model faults mutants bench $(BENCH:%=bench-%) up clean format lint types template security \
	sam-local lock openapi pictures page-speed fuzz-api ready ready-dev
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: ready ## dial a made-up list through the whole local world    [LIST=path.csv] [FAULTS=1] [KEEP=1]
	@$(BIN)/python -m local demo $(if $(LIST),--list "$(LIST)") $(if $(FAULTS),--faults) $(if $(KEEP),--keep)

test: ready ## every test, on real parts                              [ARGS="-k words"]
	@$(BIN)/pytest --numprocesses=4 --dist=loadscope $(ARGS)

check: ready lint types test template ## what must hold before a merge: format, lint, types, tests, template

bench: ready ## measure everything beside its rivals, and write docs  [QUICK=1]
	@$(BIN)/pytest benchmarks -s --timeout=0 $(ARGS)

$(BENCH:%=bench-%): bench-%: ready
	@$(BIN)/pytest benchmarks/test_$(subst -,_,$*).py -s --timeout=0 $(ARGS)

soak: ready-dev ## universe after universe, all cores; goes on where it was [ATTEMPTS=1000000]
	@$(PROOF) tests.simulation.soak --attempts $(or $(ATTEMPTS),1000000)

model: ready-dev ## look at every state of the small protocol, count them
	@$(PROOF) tests.model

faults: ready ## strike each function at each request, write docs/proof.md
	@$(PROOF) tests.faults

mutants: ready ## take each defence away and see which test notices   [WORDS="a call"]
	@$(PROOF) tests.mutants $(if $(WORDS),"$(WORDS)")

up: ready ## start the local world and keep it running         [PORT=8790] [CARRIER=url] [MONGODB=uri]
	@$(BIN)/python -m local up --port $(PORT) $(if $(CARRIER),--carrier "$(CARRIER)") $(if $(MONGODB),--mongodb "$(MONGODB)")

clean: ## stop what was left running and remove .local/
	@if [ -x $(BIN)/python ]; then $(BIN)/python -c "from local import runs; runs.end_all()"; fi
	@rm -rf $(LOCAL) .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find $(wildcard layers functions local cli tests benchmarks) -name __pycache__ -prune -exec rm -rf {} +

format: ready-dev ## rewrite the code in the house format
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

lint: ready-dev
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: ready-dev
	$(BIN)/mypy $(CODE)

template: ready
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template template.yaml

security: ## checkov's security rules, over template.yaml
	$(call bootstrap,checkov)
	@$(LOCAL)/venvs/checkov/bin/checkov --file template.yaml --framework cloudformation --compact --quiet --skip-download

sam-local: ready ## every event under `sam local invoke`, where Docker runs    [EVENT=name] [WRITE=docs/sam-local.md]
	@$(BIN)/python -m local sam-local $(if $(EVENT),--only "$(EVENT)") $(if $(WRITE),--write "$(WRITE)")

lock: ## pin the dependencies again                      [ARGS=--upgrade]
	$(call bootstrap,lock)
	@$(LOCAL)/venvs/lock/bin/python -m local.lock $(ARGS)

openapi: ready-dev ## write docs/openapi.json from the code
	@PYTHONPATH=functions/api:layers/dialer $(BIN)/python -c 'import app, json; print(json.dumps(app.described(), indent=2))' \
		> docs/openapi.json

pictures: ready ## take the pictures of the page again, docs/page/*.png
	@PICTURES=docs/page $(BIN)/pytest tests/journeys/page_pictures.py -q

page-speed: ready ## how long somebody with an empty browser waits for the page
	@$(BIN)/pytest tests/journeys/page_speed.py -q -s --timeout=0

fuzz-api: ready ## throw what the API's description allows, and what not, at the deployed API [EXAMPLES=50]
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),50) $(BIN)/pytest tests/journeys/test_api_fuzzed.py -q --timeout=0

ready:
	$(call bootstrap,)

ready-dev:
	$(call bootstrap,dev)
