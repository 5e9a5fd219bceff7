#!/usr/bin/env bash
# All tests, or those given as arguments, in two passes at once: with the kernels compiled, and with them as plain Python.
# The second says what it has to say behind the first. Fails where either does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# As plain Python only what calls kernels in this process is run: the others would do the same again.
plain=(
    --ignore=tests/{spark,examples,test_benchmarks.py}
    --ignore=tests/exchange/test_{algorithms,channels,hostile,hosts,inquiry,overlap,page}.py
    --ignore=tests/exchange/test_{processes,pulse,report,strangers,tls,waits,weather}.py
)

said=$(mktemp)
NUMBA_DISABLE_JIT=1 .venv/bin/python -m pytest -p no:cacheprovider "${plain[@]}" "$@" > "$said" 2>&1 &
trap 'kill $! 2>/dev/null; rm -f "$said"' EXIT
trap 'exit 130' INT TERM

.venv/bin/python -m pytest "$@"
compiled=$?
wait $!
uncompiled=$?
echo "The same with NUMBA_DISABLE_JIT=1:"
cat "$said"
exit $((compiled || uncompiled))
