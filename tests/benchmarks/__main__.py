"""``python -m tests.benchmarks [--only text] [--out bench.json]``"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from tests import benchmarks
from tests.benchmarks.harness import Row

LINE = "{:<44} {:>12} {:>12} {:<5} {:>6} {:>7}  {:<7} {}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=benchmarks.__doc__)
    parser.add_argument("--only", default="", help="only the rows whose name contains this text")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the rows are written")
    options = parser.parse_args()
    found, broken = [], []
    print(LINE.format("name", "ours", "peer", "unit", "ratio", "target", "verdict", "peer's name"))
    for name in sorted(m.name for m in iter_modules(benchmarks.__path__) if m.name.endswith("_rows")):
        for result in rows_of(import_module(f"tests.benchmarks.{name}"), options.only):
            if isinstance(result, str):
                broken.append(result)
            else:
                found.append(result)
                print(line(result), flush=True)
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{len(found)} rows written to {options.out}" + "".join(f"\nnot measured: {what}" for what in broken))
    if not found and not broken:
        print(f"no row's name contains {options.only!r}", file=sys.stderr)
    return 1 if broken or not found else 0


def rows_of(module: ModuleType, only: str) -> Iterator[Row | str]:
    """The rows whose name contains the text; in place of one that fails, a sentence."""
    for name, bench in getattr(module, "BENCHES", {}).items():
        if only in name:
            try:
                yield bench()
            except Exception as error:  # the other rows are still wanted
                yield failed(name, error)
    if hasattr(module, "rows") and any(only in name for name in getattr(module, "NAMES", [only])):
        try:
            yield from (row for row in module.rows() if only in row["name"])
        except Exception as error:
            yield failed(module.__name__, error)


def failed(name: str, error: Exception) -> str:
    if not isinstance(error, NotImplementedError | ModuleNotFoundError):
        traceback.print_exception(error)
    return f"{name}: {type(error).__name__}: {error}"


def line(row: Row) -> str:
    ratio, target = row["ratio"], row["target"]
    verdict = "" if ratio is None or target is None else "met" if ratio <= target else "missed"
    numbers = [number(row["ours"]), number(row["peer"]), row["unit"], number(ratio, "{:.2f}"), number(target, "{:.2f}")]
    last = ", ".join(filter(None, (row["peer_name"], row.get("note"))))
    return LINE.format(row["name"], *numbers, verdict, last).rstrip()


def number(value: float | None, form: str = "{:,.3f}") -> str:
    return "-" if value is None else form.format(value)


if __name__ == "__main__":
    sys.exit(main())
