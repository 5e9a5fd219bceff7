"""Speed beside the peers: ``python -m tests.benchmarks [--only text]`` prints a table and writes bench.json.

A module ``tests/benchmarks/<subject>_rows.py`` has one of the two:

- ``BENCHES: dict[str, Callable[[], Row]]``: a row's name and the function that times it; only those are called whose
  name contains the text.
- ``rows() -> Iterator[Row]``: rows that come out of one run; they are filtered afterwards. Where the module also lists
  ``NAMES``, it is left out if none of them contains the text.

A row is what ``row(...)`` of ``tests.benchmarks.harness`` makes: name, unit, ours, peer, peer_name, ratio, target. The
ratio is ours / peer, so below 1 is better, and a target is the ratio that must not be passed; both are None where there
is no peer. A row may have more figures, and a note, which is printed last. A side of a comparison is timed in turn with
the other (``side_by_side``), so that a busy machine slows both.
"""
