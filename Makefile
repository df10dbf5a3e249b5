# make test, make demo: everything, set-up included. make lint: the static part of make test. make bench: what a diagnosis costs.
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
RUN := sh "$(ROOT)/tools/run"
export PYTHON

.PHONY: help demo test lint bench clean
help:
	@sed -n '1s/^# //p' "$(ROOT)/Makefile"

demo:
	@$(RUN) tests/lab/lab run -- ansible-playbook playbooks/diagnose-winrm.yml

test:
	@$(RUN) python tools/check.py --tests

lint:
	@$(RUN) python tools/check.py

bench:
	@$(RUN) python tests/bench/bench.py

clean:
	rm -rf "$(ROOT)/.venv" "$(ROOT)/.cache"
