# What a developer does: `make demo` to see it run, `make test`, `make check`, `make bench`. Needs Python 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BIOME := $(VENV)/npm/node_modules/.bin/biome
TSC := $(VENV)/npm/node_modules/.bin/tsc
# Test files that run side by side on two cores: most of them wait for something most of the time.
WORKERS ?= 5

.PHONY: help demo test fast check format locked audit bench brokers alerts attack install-test box node-red load image gallery mosquitto clean

help:
	@echo "make demo    broker, node and a simulated PLC in one go; DEMO='--state DIR --mqtt-port N ...' for options"
	@echo "make test    all tests; TEST='-k words' for some of them, WORKERS=0 for one after the other"
	@echo "make fast    those of them that are not marked slow, in under a minute: the inner loop"
	@echo "make check   format, lint, types, import contracts, and that what is generated is current: all of it, with a list of what failed"
	@echo "make format  put Python and JavaScript into their form"
	@echo "make locked  install what requirements.lock has, by its hashes, into an environment that is thrown away; make audit  ask pip-audit"
	@echo "make bench   the benchmarks; DATA=/path/to/pictures for all real pictures, BENCH='--only tools' for some of them"
	@echo "make attack  what slow, silent and many clients do to a web, and what somebody else waits meanwhile; ATTACK='--web-port N ...'"
	@echo "make load    Locust against the web: 50 requests/s, 1000 connections, 1000 requests/s; LOAD='--seconds 60 --url URL' or LOAD=--wrk"
	@echo "make brokers the same load on every broker that is installed, restarted and killed; BROKERS='--loops 5 --only nats' for a part"
	@echo "make alerts  cause what each alert rule is for, against a real Prometheus and Alertmanager (Debian: prometheus, prometheus-alertmanager)"
	@echo "make install-test  install.sh on a clean root, by the offline bundle and by the registry, to a part that is judged; INSTALL='--only bundle'"
	@echo "make box     install, kill, update, cut the power of and restore a whole Debian of its own; BOX='--kind container --only update' ..."
	@echo "make node-red a real Node-RED with our flow and our node Inspect, through restarts of all three; NODERED='--parts 100 --only flow'"
	@echo "make image   build the image by buildah, let node and web of it answer a trigger, look for secrets; some 5 minutes; root, buildah, debootstrap"
	@echo "make gallery pictures of every tool and page (Chromium is needed for the pages): gallery/index.html"
	@echo "make clean   remove $(VENV) and the caches; demo-state stays"

demo: $(VENV)/installed
	@exec $(BIN)/inspection-node demo $(DEMO)

# What is checked is ours, whatever is installed beside it.
test fast check: export TOOLS_OF_OTHERS = off

test: $(VENV)/installed-dev mosquitto
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TEST)

# The inner loop: without what is marked slow, that is without real processes and browsers.
fast: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not system" -q $(TEST)

check: $(VENV)/installed-dev $(BIOME) $(TSC)
	@$(BIN)/python -m tests.checks

# Python by ruff, JavaScript by biome, both to 100 columns.
format: $(VENV)/installed-dev $(BIOME)
	$(BIN)/ruff format .
	$(BIOME) format --write

# What formats JavaScript, where npm can bring it: 2 MB of text and one program.
$(BIOME):
	@npm install --prefix $(VENV)/npm --no-audit --no-fund --silent @biomejs/biome@2.6.8 typescript@7.0.2 2>/dev/null || true

# What checks the types of the JavaScript, as its comments say them: 31 MB, half a second.
$(TSC):
	@npm install --prefix $(VENV)/npm --no-audit --no-fund --silent @biomejs/biome@2.6.8 typescript@7.0.2 2>/dev/null || true

# Installs exactly what is locked, by its hashes, into an environment that is thrown away, and starts what was installed.
locked: $(VENV)/installed-dev
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(BIN)/python -m venv $$folder/venv && \
	$$folder/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock && \
	cp -r schemas broker node web deploy $$folder/ && cd $$folder && \
	venv/bin/python -c 'import deploy.cli.command, node.service, web.app' && venv/bin/python -m deploy.cli.command secrets new >/dev/null && \
	echo "what is locked installs by its hashes, and runs"

# Known faults by pip-audit, which needs a network; what it cannot look up is a failure, for silence is no answer.
audit: $(VENV)/installed-dev
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(BIN)/python -m venv $$folder && \
	$$folder/bin/python -m pip install --quiet --disable-pip-version-check pip-audit && \
	$$folder/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock

bench: $(VENV)/installed-dev
	DATA="$(DATA)" $(BIN)/python -m tests.bench $(BENCH)

attack: $(VENV)/installed-dev
	$(BIN)/python -m tests.attack $(ATTACK)

load: $(VENV)/installed-dev
	$(BIN)/python -m tests.load $(LOAD)

brokers: $(VENV)/installed-dev
	$(BIN)/python -m tests.brokers $(BROKERS)

alerts: $(VENV)/installed-dev
	$(BIN)/python -m tests.alerts $(ALERTS)

install-test: $(VENV)/installed-dev
	$(BIN)/python -m tests.rig.clean_root $(INSTALL)

box: $(VENV)/installed-dev
	$(BIN)/python -m tests.rig.box $(BOX)

node-red: $(VENV)/installed-dev
	$(BIN)/python -m tests.nodered $(NODERED)

# 5 minutes on a quiet machine, 7 the first time (debootstrap); IMAGE='--keep DIR' leaves the image there.
image: $(VENV)/installed-dev
	$(BIN)/python -m tests.image $(IMAGE)

gallery: $(VENV)/installed-dev
	$(BIN)/python -m tests.gallery
	$(BIN)/python -m tests.browser.shots

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Warnings: pip 26 passes on what setuptools says of every editable install, and it looks like a fault.
$(VENV)/installed: pyproject.toml | $(VENV)/upgraded
	@echo "installing into $(VENV) ..."
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/upgraded
	@echo "installing into $(VENV), with what the tests need ..."
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/installed

# What Python brings along are the pip and setuptools of its own release, with the faults that were found since.
$(VENV)/upgraded: Makefile | $(VENV)/bin/pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools || \
	  echo "pip and setuptools of $(VENV) could not be upgraded: make check says what is known of them" >&2
	@touch $@

# The first of these that is Python 3.11 or newer, and can make a virtual environment (Debian has that in a package of its own).
$(VENV)/bin/pip:
	@python=; old=; \
	for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
	  command -v $$name >/dev/null 2>&1 || continue; \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	  old="$$old $$name ($$($$name --version 2>&1))"; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed; found:$${old:- none}. Install it, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "$$python cannot make a virtual environment. On Debian and Ubuntu: sudo apt-get install python$$version-venv" >&2; exit 1; \
	fi; \
	$$python -m venv --clear $(VENV)

# The tests run on mosquitto where it may be installed, else on the broker of the iotcore wheel.
mosquitto:
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin"; command -v mosquitto >/dev/null 2>&1 && command -v mosquitto_pub >/dev/null 2>&1 && exit 0; \
	command -v apt-get >/dev/null 2>&1 || exit 0; \
	if [ "$$(id -u)" = 0 ]; then run=; elif sudo -n true 2>/dev/null; then run='sudo -n'; else run=no; fi; \
	if [ "$$run" != no ]; then \
	  install="$$run env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=60"; \
	  echo "installing mosquitto ..."; \
	  { $$install install -y --no-install-recommends mosquitto mosquitto-clients || \
	    { $$install update && $$install install -y --no-install-recommends mosquitto mosquitto-clients; }; } >/dev/null 2>&1 || true; \
	fi; \
	command -v mosquitto >/dev/null 2>&1 || echo "mosquitto is not installed: the tests use the broker of the iotcore wheel"
