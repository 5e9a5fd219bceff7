#!/usr/bin/env bash
# All tests, or those given as arguments, in two passes at once: with the kernels compiled, and with them as plain Python.
# The second says what it has to say behind the first. Fails where either does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What has no kernels of its own, or runs processes of its own, shows nothing new as plain Python.
plain=(--ignore=tests/spark --ignore=tests/examples --ignore=tests/test_benchmarks.py)

said=$(mktemp)
NUMBA_DISABLE_JIT=1 .venv/bin/python -m pytest -p no:cacheprovider "${plain[@]}" "$@" > "$said" 2>&1 &
trap 'kill $! 2>/dev/null; rm -f "$said"' EXIT

.venv/bin/python -m pytest "$@"
compiled=$?
wait $!
uncompiled=$?
echo "The same with NUMBA_DISABLE_JIT=1:"
cat "$said"
exit $((compiled || uncompiled))
