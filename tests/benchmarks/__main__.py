"""``python -m tests.benchmarks [--only text] [--cpu avx2] [--out bench.json]``"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from tests import benchmarks
from tests.benchmarks.harness import Row, Skipped
from tests.benchmarks.machine import CPUS, described, restrict

LINE = "{:<52} {:>12} {:>12} {:<5} {:>6} {:>6} {:>6}  {:<13} {}"
HEADER = ("name", "ours", "peer", "unit", "ratio", "spread", "target", "verdict", "peer's name")


@dataclass(frozen=True)
class Failure:
    """Why there is no row of this name."""

    name: str
    sentence: str
    skipped: bool


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=benchmarks.__doc__)
    parser.add_argument("--only", default="", help="only the rows whose name contains this text")
    parser.add_argument("--cpu", choices=CPUS, help="compute, ours and the peer, as on this kind of CPU")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the rows are written")
    options = parser.parse_args()
    if options.cpu is not None:
        try:
            restrict(options.cpu)
        except ValueError as error:
            parser.error(f"--cpu {options.cpu}: {error}")
    return measure(options.only, options.out)


def measure(only: str, out: Path) -> int:
    machine = list(described())
    print(*machine, LINE.format(*HEADER), sep="\n", flush=True)
    found: list[Row] = []
    failures: list[Failure] = []
    for module in modules():
        for result in rows_of(module, only):
            if isinstance(result, Failure):
                failures.append(result)
            else:
                found.append(result | {"machine": machine})
                print(line(result), flush=True)
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{len(found)} rows written to {out}", *map(told, failures), sep="\n")
    if not found and not failures:
        print(f"no row's name contains {only!r}", file=sys.stderr)
    return 1 if not (found or failures) or any(not failure.skipped for failure in failures) else 0


def modules() -> Iterator[ModuleType]:
    for name in sorted(m.name for m in iter_modules(benchmarks.__path__) if m.name.endswith("_rows")):
        yield import_module(f"tests.benchmarks.{name}")


def names_of(module: ModuleType) -> list[str]:
    """The names of all rows of a module."""
    return [*getattr(module, "BENCHES", {}), *getattr(module, "NAMES", [])]


def rows_of(module: ModuleType, only: str) -> Iterator[Row | Failure]:
    """The rows whose name contains the text; in place of one that fails, why."""
    for name, bench in getattr(module, "BENCHES", {}).items():
        if only in name:
            try:
                yield bench()
            except Exception as error:  # the other rows are still wanted
                yield failed(name, error)
    wanted = [name for name in getattr(module, "NAMES", []) if only in name]
    if wanted:
        yield from _of_run(module, wanted)


def _of_run(module: ModuleType, wanted: list[str]) -> Iterator[Row | Failure]:
    missing = dict.fromkeys(wanted)
    try:
        for found in module.rows():
            assert found["name"] in module.NAMES, f"{module.__name__}.NAMES lacks {found['name']!r}"
            if found["name"] in missing:
                del missing[found["name"]]
                yield found
    except Exception as error:
        yield failed(", ".join(missing), error)


def failed(name: str, error: Exception) -> Failure:
    skipped = isinstance(error, Skipped)
    if not isinstance(error, Skipped | NotImplementedError | ModuleNotFoundError):
        traceback.print_exception(error)
    return Failure(name, str(error) if skipped else f"{type(error).__name__}: {error}", skipped)


def told(failure: Failure) -> str:
    return f"{'skipped' if failure.skipped else 'not measured'}: {failure.name}: {failure.sentence}"


def line(row: Row) -> str:
    numbers = [number(row["ours"]), number(row["peer"]), row["unit"], number(row["ratio"], "{:.2f}")]
    limits = [number(row["spread"], "{:.0%}"), number(row["target"], "{:.2f}")]
    last = ", ".join(filter(None, (row["peer_name"], row.get("note"))))
    return LINE.format(row["name"], *numbers, *limits, row["verdict"], last).rstrip()


def number(value: float | None, form: str = "{:,.3f}") -> str:
    return "-" if value is None else form.format(value)


if __name__ == "__main__":
    sys.exit(main())
