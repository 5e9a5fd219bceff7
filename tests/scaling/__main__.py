"""Times steps on this machine, and writes docs/scaling.csv.gz's rows as tables and pictures:

python -m tests.scaling              # tables and pictures, some minutes of a core
python -m tests.scaling --accuracy   # the accuracies of fits by 1 to 16 ranks in threads, some minutes more
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.scaling.accuracy import accuracies
from tests.scaling.grid import NETWORKS, Cell, cells
from tests.scaling.page import PAGE, PICTURES, accuracy_table, draw, write


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scaling", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accuracy", action="store_true", help="fit by 1 to 16 ranks too")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--pictures", type=Path, default=PICTURES)
    options = parser.parse_args(arguments)
    made: list[Cell] = []
    for name in options.networks:
        own = list(cells(name))
        draw(own, options.pictures)
        print(f"{name}: at 16 ranks up to {max(cell.speedup for cell in own):.1f} times", flush=True)
        made += own
    write(options.page, made, accuracy_table(accuracies()) if options.accuracy else None)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
