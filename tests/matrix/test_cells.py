"""What the matrix tries, without trying it."""

from __future__ import annotations

from pathlib import Path

from tests.matrix.__main__ import _major, as_table, python_of
from tests.matrix.cells import LOWEST, Cell, cells, requirements


def test_every_spark_is_tried_on_every_python_and_with_the_lowest_packages() -> None:
    names = [cell.name for cell in cells()]
    assert len(set(names)) == len(names)
    assert "spark4.0-python3.13-java17-newest" in names
    assert {cell.spark for cell in cells() if cell.packages == LOWEST} == {"4.0", "4.3"}


def test_what_is_installed_is_what_the_project_names() -> None:
    newest, lowest = requirements(Cell("4.1", "3.12")), requirements(Cell("4.1", "3.12", packages=LOWEST))
    assert newest[0] == lowest[0] == "pyspark[connect]==4.1.*"
    assert "numpy>=1.26" in newest
    assert "numpy==1.26.*" in lowest
    assert requirements(Cell("4.2", "3.11", client=True))[0] == "pyspark-client==4.2.*"


def test_what_a_machine_lacks_is_found_out() -> None:
    assert python_of("2.1") is None
    assert _major(Path("/nowhere")) is None


def test_the_table_has_a_row_for_each_spark_and_kind() -> None:
    text = as_table(
        {Cell("4.0", "3.11"): "passed", Cell("4.0", "3.13"): "failed: it", Cell("4.3", "3.11", "21"): "passed"}
    )
    assert "| 4.0 | 17 | newest | passed |  | failed: it |" in text
    assert "| 4.3 | 21 | newest | passed |  |  |" in text
