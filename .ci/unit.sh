#!/usr/bin/env bash
# The tests that need no Spark, in two processes, without those marked long; tests given as arguments in one.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# = 0 ] || exec .venv/bin/python -m pytest "$@"

unit() { .venv/bin/python -m pytest -p no:cacheprovider -m "not slow and not long" "$@" < /dev/null; }
said=$(mktemp)
trap 'kill %1 2>/dev/null; rm -f "$said"' EXIT
trap 'exit 130' INT TERM
others=(tests/{kernels,layers,losses,optimizers,initializers,schedules,data})
unit "${others[@]}" > "$said" 2>&1 &
unit tests --ignore=tests/{spark,examples,test_benchmarks.py} "${others[@]/#/--ignore=}"
failed=$?
wait %1 || failed=1
cat "$said"
exit $failed
