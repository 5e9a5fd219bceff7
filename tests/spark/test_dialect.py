"""What Connect does otherwise stands in one file."""

from __future__ import annotations

from pathlib import Path

import spark_deepnet
from spark_deepnet.spark.session.dialect import Classic, Connect, Dialect

ROOT = Path(spark_deepnet.__file__).parent


def public(kind: type) -> set[str]:
    return {name for name in (*vars(kind), *getattr(kind, "__annotations__", ())) if not name.startswith("_")}


def test_one_file_asks_which_session_it_has() -> None:
    asking = {str(file.relative_to(ROOT)) for file in ROOT.rglob("*.py") if "is_remote" in file.read_text()}
    assert asking == {"spark/session/dialect.py"}


def test_both_kinds_have_all_capabilities_and_no_others() -> None:
    assert public(Classic) == public(Connect) == public(Dialect)
