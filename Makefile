# make start   set up what is missing, then open the workshop        make test   all tests, from a clean clone
# make battery every hostile file, at every level, 20 times (an hour and a half)
# make audit   the state of every topic, mutants included            make soak   the long durability tests
PYTHON ?= python3
BIN := .venv/bin

.PHONY: start test lint audit soak bench setup setup-test clean
start: setup
	@$(BIN)/groundup start

setup:
	@$(PYTHON) tools/setup_environment.py --extra labs

setup-test:
	@$(PYTHON) tools/setup_environment.py --extra test

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

audit: setup-test
	$(BIN)/groundup audit --mutants --seeds 1000

soak: setup-test
	GROUNDUP_SOAK=1 $(BIN)/python -m pytest tests/study/progress

bench: setup-test
	$(BIN)/python benchmarks/check_latency.py

battery: setup-test
	$(BIN)/python benchmarks/battery.py

picture: setup-test
	mkdir -p build/shots docs
	GROUNDUP_SHOTS=build/shots $(BIN)/python -m pytest -q tests/web/test_browser.py tests/web/test_first.py -k "first_look or in_a_browser"
	cp build/shots/verdict.png docs/topic.png
	cp build/shots/first-axis.png docs/first.png

clean:
	rm -rf .venv node_modules dist build src/groundup/web/static/built
