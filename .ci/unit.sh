#!/usr/bin/env bash
# The tests that need no Spark, in four processes, without those marked long, files of many whole fits, the laws of blocks and
# padding over hundreds of networks, rows on disk, and the formats of others, which only who works on them needs; tests given
# as arguments in one, with them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# = 0 ] || exec .venv/bin/python -m pytest "$@"

unit() { .venv/bin/python -m pytest -p no:cacheprovider -m "not slow and not long" "$@" < /dev/null; }

others=(tests/{kernels,layers,losses,optimizers,initializers,schedules,data,net,score,plan,forecast})
whole_fits=(tests/train/test_{averaging,blocks,compression,cut_scores,factors,jobs,max_steps,ordered,padding,periodic_blocks,probe,short_fits,sparse,spilled}.py)
many=("${whole_fits[@]}" tests/test_new_members.py tests/net/test_{cut,padding}.py tests/data/test_spilled.py tests/formats)
said=$(mktemp -d)
set -m  # process groups of their own, which get signals as one
unit "${others[@]}" "${many[@]/#/--ignore=}" > "$said/2" 2>&1 &
second=$!
waiting=(tests/exchange/test_{channels,hostile}.py)  # most of what these and the rest of their folder do
unit tests/exchange "${waiting[@]/#/--ignore=}" > "$said/3" 2>&1 &
third=$!
unit "${waiting[@]}" > "$said/4" 2>&1 &
fourth=$!
set +m
trap 'kill -INT -- -$second -$third -$fourth 2>/dev/null; rm -rf "$said"' EXIT
trap 'exit 130' INT TERM

unit tests --ignore=tests/{spark,examples,exchange,test_benchmarks.py,test_benchmark_networks.py} "${others[@]/#/--ignore=}" "${many[@]/#/--ignore=}"
failed=$?
wait $second || failed=1
wait $third || failed=1
wait $fourth || failed=1
cat "$said"/*
exit $failed
