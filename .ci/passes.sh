#!/usr/bin/env bash
# All tests in three passes at once: those that start Spark, the others with the kernels compiled, and what calls kernels
# once more with them as plain Python. Tests given as arguments run compiled and plain. The first pass is seen as it goes,
# the others are printed whole behind it, and the seconds of each come last. Fails where a pass does; Ctrl-C ends them all.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

spark=(tests/{spark,examples,test_benchmarks.py})
# As plain Python only what calls kernels in this process is run: the others would do the same again.
no_kernels=(
    tests/exchange/test_{algorithms,channels,hostile,hosts,inquiry,overlap,page}.py
    tests/exchange/test_{processes,pulse,report,strangers,tls,waits,weather}.py
)
said=$(mktemp -d)
names=() pids=()

pass() {  # its name, then what pytest is given
    local name=$1 began=$SECONDS code
    shift
    .venv/bin/python -m pytest -p no:cacheprovider "$@" < /dev/null
    code=$?
    echo "$name: $((SECONDS - began)) s" >> "$said/seconds"
    return $((code == 5 ? 0 : code))  # 5: none of the tests that were asked for belong to this pass
}

begin() {  # a pass in a process group of its own, which gets signals as one
    names+=("$1")
    set -m
    pass "$@" &
    pids+=($!)
    set +m
}

end() {
    local pid
    trap '' INT TERM
    for pid in "${pids[@]}"; do kill -INT -- "-$pid" 2>/dev/null; done
    wait
    rm -rf "$said"
}
trap end EXIT
trap 'exit 130' INT TERM

if [ $# = 0 ]; then
    begin "Spark" "${spark[@]}"
    begin "compiled" "${spark[@]/#/--ignore=}" > "$said/compiled" 2>&1
else
    begin "compiled" "$@"
fi
NUMBA_DISABLE_JIT=1 begin "plain Python" "${spark[@]/#/--ignore=}" "${no_kernels[@]/#/--ignore=}" "$@" > "$said/plain Python" 2>&1

failed=0
for i in "${!pids[@]}"; do
    wait "${pids[i]}" || failed=1
    [ ! -e "$said/${names[i]}" ] || { echo "${names[i]}:"; cat "$said/${names[i]}"; }
done
cat "$said/seconds"
exit $failed
