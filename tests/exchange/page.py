"""The tables of docs/exchange.md, made from docstrings and cost formulas: ``python -m tests.exchange.page``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

from spark_deepnet import exchange
from spark_deepnet.exchange.choice import quickest
from tests.page import DOCS, rewrite, table

PAGE = DOCS / "exchange.md"
COST = re.compile(r"(?P<steps>.+?) steps(, (?P<bytes>.+?) bytes(?P<whose> .+?))?: (?P<what>.+)")
CHOSEN = re.compile(r"Chosen (?P<when>.+)\.")
SIZES = {"64 B": 64, "4 KB": 4_000, "100 KB": 10**5, "1 MB": 10**6, "4 MB": 4 * 10**6, "40 MB": 4 * 10**7}
CLUSTERS = {
    "2 ranks of one host": (2,),
    "4 ranks of one host": (4,),
    "8 hosts of 1 rank": (1,) * 8,
    "64 hosts of 1 rank": (1,) * 64,
    "2 hosts of 4 ranks": (4, 4),
    "8 hosts of 8 ranks": (8,) * 8,
    "64 hosts of 16 ranks": (16,) * 64,
}


def tables() -> dict[str, str]:
    """name -> a table in Markdown."""
    names = [name for name, _ in sorted(CLUSTERS.items(), key=lambda item: sum(item[1]))]
    choices = ((name, *(quickest(CLUSTERS[name], n).kind for n in SIZES.values())) for name in names)
    return {
        "algorithms": table(("algorithm", "steps", "bytes", "what it does", "chosen"), algorithms()),
        "choices": table(("", *SIZES), choices),
    }


def algorithms() -> Iterator[tuple[str, ...]]:
    """A row for every function or class whose docstring begins with its cost: the families' first, as folders sort."""
    files = walk_packages(exchange.__path__, exchange.__name__ + ".")
    for name in sorted((file.name for file in files), key=lambda name: (-name.count("."), name)):
        module = import_module(name)
        when = CHOSEN.search((module.__doc__ or "").replace("\n", " "))
        for member in list(vars(module).values()):
            public = callable(member) and not getattr(member, "__name__", "_").startswith("_")
            cost = COST.match((member.__doc__ or "").split("\n")[0]) if public else None
            if cost and member.__module__ == name:
                moved = (cost["bytes"] or "any") + (cost["whose"] or "")
                yield (
                    f"`{name.removeprefix(exchange.__name__ + '.')}.{member.__name__}`",
                    cost["steps"],
                    moved,
                    cost["what"],
                    when["when"].replace("``", "`") if when else "",
                )


if __name__ == "__main__":
    rewrite(PAGE, tables())
