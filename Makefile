# Each target sets up what it needs by itself: Python, Java, the packages in .venv. `make` alone lists them.
PYTHON := $(CURDIR)/.venv/bin/python

# The checkout's own Python and Spark, whatever else the shell is set up for; without bytecode on disk each of many workers
# would compile what it imports anew, two seconds each.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONDONTWRITEBYTECODE PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYTHONHOME PYTHONPATH SPARK_HOME

.PHONY: help demo test unit bench matrix evidence chaos docs site lint clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 16

demo:  ## train and score a network on handwritten digits; DATA=dir for data of your own
	@bash .ci/setup.sh dev
	$(PYTHON) examples/digits.py $(if $(DATA),--data "$(DATA)") $(DEMO_ARGS)

test:  ## all tests, with the kernels compiled and as plain Python; TESTS=path for some
	@bash .ci/setup.sh dev
	@bash .ci/passes.sh $(TESTS)

unit:  ## the tests that need no Spark and do not wait, for the inner loop; TESTS=path for some
	@bash .ci/setup.sh dev
	@bash .ci/unit.sh $(TESTS)

bench:  ## speed beside the peers, into bench.json; ONLY=text for some rows, CPU=avx2 as on that kind, MNIST=dir
	@bash .ci/setup.sh dev bench
	$(if $(MNIST),MNIST="$(MNIST)") $(PYTHON) -m tests.benchmarks $(if $(ONLY),--only "$(ONLY)") $(if $(CPU),--cpu "$(CPU)")

matrix:  ## a short acceptance on every Spark, Python, Java and set of packages that is promised; ONLY=text for some
	@bash .ci/setup.sh dev
	$(PYTHON) -m tests.matrix $(if $(ONLY),--only "$(ONLY)")

evidence:  ## show what README and docs say in numbers again, into docs/evidence.md; ONLY=text for some claims
	@bash .ci/setup.sh dev bench
	$(PYTHON) -m tests.evidence $(if $(ONLY),--only "$(ONLY)")

chaos:  ## FITS=20 disturbed fits (SEED=0) of the kinds worker executor segfault between checkpoint meeting last transform descriptors labels marks drivers strict lost speculation, or ONLY=some,of,them; all must end as if not
	@bash .ci/setup.sh dev
	$(PYTHON) -m tests.chaos --fits $(or $(FITS),20) --seed $(or $(SEED),0) $(if $(ONLY),--only $(ONLY))

docs:  ## make what is generated anew: tables of the pages, keywords and setters of the Params, stubs
	@bash .ci/setup.sh dev
	$(PYTHON) -m tests.exchange.page
	$(PYTHON) -m tests.layers.page
	$(PYTHON) -m tests.formats.page
	$(PYTHON) -m tests.spark.accessors
	$(PYTHON) -m tests.stubs

site:  ## build the documentation into build/site; a dead link, an unknown reference or any other warning fails it
	@bash .ci/setup.sh site
	$(PYTHON) .ci/site/stage.py build/site-source
	$(PYTHON) -m sphinx -q -E -W --keep-going -c .ci/site build/site-source build/site
	@echo "open build/site/index.html"

lint:  ## style and types
	@bash .ci/setup.sh dev
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

clean:  ## remove what tools left behind; .venv stays
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info bench.json
	rm -rf spark-warehouse artifacts metastore_db derby.log
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
