"""Speed beside the peers: ``python -m tests.benchmarks [--only text] [--cpu avx2]`` prints what machine it is, a table, and
writes bench.json.

A module ``tests/benchmarks/<subject>_rows.py`` has one of the two, or both:

- ``BENCHES: dict[str, Callable[[], Row]]``: a row's name and the function that times it; only those are called whose
  name contains the text.
- ``rows() -> Iterator[Row]``: rows that come out of one run, and ``NAMES``, their names; it is run if one of them contains
  the text, and the others are left out of the table.

The first word of a name is the row's group. No name contains another, and no name contains the first word of another
group's, so that a group's word and a row's name each select just that (``tests/test_benchmarks.py``).

A row is what ``row`` or ``paired_row`` of ``tests.benchmarks.harness`` makes: name, unit, ours, peer, peer_name, ratio,
spread, target, noisy, verdict. The ratio is ours / peer, so below 1 is better, and a target is the ratio that must not
be passed; both are None where there is no peer. The two sides of a comparison take turns, call by call (``in_turns``;
an all-reduce takes some calls a turn), so that a busy machine slows both: the ratio is the median of the turns' ratios,
the spread the distance between their quartiles over that median, and a row is noisy if the spread is over a tenth. A
row may have more figures, and a note, which is printed last. What cannot be measured here raises ``Skipped`` with a
sentence.
"""
