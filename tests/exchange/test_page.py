"""docs/exchange.md says what the docstrings say."""

from __future__ import annotations

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.compressions.compression import Compression
from tests.exchange.page import PAGE, algorithms, tables
from tests.page import check


def test_the_page_is_up_to_date() -> None:
    check(PAGE, tables())


def test_every_algorithm_tells_its_cost_and_when_it_is_chosen() -> None:
    rows = {row[0].strip("`").rpartition(".")[0]: row for row in algorithms()}
    families = [f"{root.family}.{kind}" for root in (Algorithm, Compression) for kind in root.names()]
    for name in (*families, "rows", "reduce", "broadcast", "gather", "scatter"):
        assert all(rows[name])
