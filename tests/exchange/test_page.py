"""docs/exchange.md says what the docstrings say."""

from __future__ import annotations

from tests.exchange.page import PAGE, algorithms, tables
from tests.page import check


def test_the_page_is_up_to_date() -> None:
    check(PAGE, tables())


def test_every_algorithm_tells_its_cost_and_when_it_is_chosen() -> None:
    rows = {row[0].strip("`").partition(".")[0]: row for row in algorithms()}
    for name in ("ring", "doubling", "hierarchical", "half", "top_k", "rows", "reduce", "broadcast", "gather"):
        assert all(rows[name])
