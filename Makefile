# Everything runs in ./venv, which is made from setup.py and constraints.txt.
PYTHON ?= python3
BIN := venv/bin
# Most of what is installed is never imported, and what is imported is compiled then.
PIP_INSTALL := -m pip install --quiet --no-compile
DATE ?= 2010-12-01
# How many tests run side by side; each side starts servers and a Spark of its own.
WORKERS ?= 2
TOP = SELECT * FROM public.user_behavior_metric WHERE insert_date = '$(DATE)' ORDER BY amount_spent DESC

.PHONY: help demo test lint deploy-lint unit faults lock java browser clean

help:
	@echo "make demo    run the user-behaviour pipeline on generated data, and show its result"
	@echo "make test    everything that checks the project"
	@echo "make faults  the long matrix of kills"
	@echo "make lock    renew constraints.txt from setup.py"
	@echo "make clean   stop the embedded services and remove ./data"

demo: java venv/installed
	$(BIN)/lakeshift up
	$(BIN)/lakeshift seed
	$(BIN)/luigi --module pipeline.user_behaviour UserBehaviourMetric --date $(DATE)
	$(BIN)/lakeshift query "$(TOP)" --limit 10
	@echo
	@echo "What to type next, after '. venv/bin/activate':"
	@echo "  luigi --module pipeline.user_behaviour UserBehaviourMetric --date $(DATE)    # again: nothing to do"
	@echo "  luigi --module pipeline.user_behaviour UserBehaviourMetric --date 2010-12-02    # another day"
	@echo "  lakeshift seed --purchases FILE.csv --reviews FILE.csv                        # your own data"
	@echo "  lakeshift --help; lakeshift down"

test: java
	@$(MAKE) --no-print-directory -j2 lint deploy-lint browser
	@$(MAKE) --no-print-directory unit

lint: venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/secrets

deploy-lint: venv/deploy/installed
	venv/deploy/bin/cfn-lint deploy/*.yaml
	venv/deploy/bin/checkov --directory deploy --framework cloudformation --quiet --compact --skip-download
	venv/deploy/bin/shellcheck deploy/release.sh deploy/host/install.sh deploy/host/switch.sh deploy/host/lakeshift-env .ci/*

unit: venv/installed-test
	$(BIN)/python -m pytest -m "not faults" -n $(WORKERS) --dist worksteal

faults: java venv/installed-test
	$(BIN)/python -m pytest -m faults --timeout 3600

lock: venv/installed-test
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[lock]'
	$(BIN)/uv pip compile setup.py --all-extras --constraints constraints.in --universal --python-version 3.10 --upgrade \
		--no-header --no-annotate --output-file constraints.txt
	$(BIN)/uv pip compile deploy/lint.in --universal --python-version 3.10 --upgrade --no-header --no-annotate \
		--output-file deploy/constraints.txt

# Chromium for the visualiser's test; without it that test is skipped, and says so.
browser: venv/installed-test
	@$(BIN)/python tests/install_browser.py

java:
	@$(PYTHON) -c 'import re, subprocess, sys; \
	text = subprocess.run(["$(if $(JAVA_HOME),$(JAVA_HOME)/bin/)java", "-version"], capture_output=True, text=True).stderr; \
	found = re.search(r"version \"(\d+)", text); \
	sys.exit(not found or int(found[1]) < 17)' 2>/dev/null || { \
	echo "Java 17 or newer is needed (Spark runs on it). Debian, Ubuntu: sudo apt install openjdk-17-jre-headless;" \
	"Fedora: sudo dnf install java-17-openjdk-headless; macOS: brew install openjdk@17, and set JAVA_HOME." >&2; exit 1; }

venv/installed: setup.py constraints.txt
	$(PYTHON) -m venv venv
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable .
	@touch $@

venv/installed-test: setup.py constraints.txt | venv
	$(PYTHON) -m venv venv
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[test]'
	@touch $@ venv/installed

# checkov pins old libraries, so it has an environment of its own.
venv/deploy/installed: deploy/constraints.txt | venv
	$(PYTHON) -m venv venv/deploy
	venv/deploy/bin/python $(PIP_INSTALL) --requirement deploy/constraints.txt
	@touch $@

# Of two that make it at once one would fail.
venv:
	@mkdir -p $@

clean:
	-$(BIN)/lakeshift down
	rm -rf data
