"""docs/exchange.md says what the docstrings say."""

from __future__ import annotations

from tests.exchange.page import PAGE, algorithms, rewritten, tables


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewritten(page), "run `make docs`"


def test_every_table_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(table in page for table in tables().values())


def test_every_algorithm_tells_its_cost_and_when_it_is_chosen() -> None:
    rows = {row[0].strip("`").partition(".")[0]: row for row in algorithms()}
    for name in ("ring", "doubling", "hierarchical", "half", "top_k", "rows", "reduce", "broadcast", "gather"):
        assert all(rows[name])
