#!/usr/bin/env bash
# All tests, in passes that share the machine: those on Spark sessions; all others with the kernels compiled, in three; what
# calls kernels once more with them as plain Python, and behind it the examples. Tests given as arguments run compiled and plain.
# The first pass is seen as it goes, the others are printed whole behind it, and the seconds of each come last.
# Fails where a pass does; Ctrl-C ends them all.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# As plain Python runs what calls kernels by themselves, and one step of each kind: whole fits and scores, distributed or not,
# would do the same again, and take a hundred seconds of a core for it.
nets=(tests/{kernels,layers,losses,optimizers,initializers,net})  # half of what is compiled
plain=("${nets[@]}" tests/{metrics,data} tests/train/test_{step,every_step,state,start,metrics}.py tests/score/test_every_step.py)
waiting=(tests/{exchange,hosts})  # for deadlines and messages, most of their time
kernels_of_fits=tests/train/test_ranks.py  # ahead of Spark's tests, whose workers would each compile the same otherwise
said=$(mktemp -d)
groups=()

# Many processes, which give way to the compiled passes: these would be left alone at the end.
on_spark() { niceness=5 pass "on Spark" "$kernels_of_fits" tests/spark; }
compiled_nets() { pass "compiled, kernels to nets" "${nets[@]}"; }
compiled_waiting() { pass "compiled, exchange and hosts" "${waiting[@]}"; }
compiled_others() {
    local elsewhere=(tests/{spark,examples} "$kernels_of_fits" "${nets[@]}" "${waiting[@]}")
    pass "compiled, others" "${elsewhere[@]/#/--ignore=}"
}
compiled_some() { pass "compiled" "$@"; }
as_plain() { NUMBA_DISABLE_JIT=1 pass "plain Python" "$@"; }
as_plain_and_examples() {
    as_plain "${plain[@]}" --ignore=tests/data/test_{hostile,spilled}.py --ignore=tests/net/test_padding.py
    local code=$?
    pass "examples" tests/examples && return $code
}

pass() {  # its name, then what pytest is given
    local name=$1 began=$SECONDS code
    shift
    echo "$name:"
    nice -n "${niceness:-0}" .venv/bin/python -m pytest -p no:cacheprovider "$@" < /dev/null
    code=$?
    echo "$((SECONDS - began)) s $name" >> "$said/seconds"
    return $((code == 5 ? 0 : code))  # 5: none of the tests asked for belong to this pass
}

begin() {  # in a process group of its own, which gets signals as one
    set -m
    "$@" &
    groups+=($!)
    set +m
}

end() {
    trap '' INT TERM
    for group in "${groups[@]}"; do kill -INT -- "-$group" 2>/dev/null; done
    wait
    rm -rf "$said"
}
trap end EXIT
trap 'exit 130' INT TERM

SPARK_SUBMIT_OPTS=$(.venv/bin/python -m tests.spark.jvm) && export SPARK_SUBMIT_OPTS  # of the drivers' JVMs

if [ $# = 0 ]; then
    begin on_spark
    begin compiled_nets > "$said/2" 2>&1
    begin compiled_others > "$said/3" 2>&1
    begin as_plain_and_examples > "$said/4" 2>&1
    begin compiled_waiting > "$said/5" 2>&1
else
    begin compiled_some "$@"
    begin as_plain --ignore=tests/{spark,examples,hosts} "$@" > "$said/2" 2>&1
fi

failed=0
for group in "${groups[@]}"; do wait "$group" || failed=1; done
cat "$said"/[0-9]
cat "$said/seconds"
exit $failed
