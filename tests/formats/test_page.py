"""docs/formats.md lists what is read."""

from __future__ import annotations

from tests.formats.page import PAGE, tables
from tests.page import check


def test_the_page_is_up_to_date() -> None:
    check(PAGE, tables())
