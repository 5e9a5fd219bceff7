"""docs/evidence.md: the claims with what their commands showed last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.evidence.claims import CLAIMS, Claim

PAGE = Path(__file__).resolve().parents[2] / "docs/evidence.md"
HEAD = """# Evidence

What README and these pages say in numbers, with the command that shows it and what it showed last: of several figures of
one command the one nearest to its bound. `make evidence` shows what has no entry yet, `make evidence ONLY=digits` one claim
again; each says beforehand how many minutes it takes. Ratios are ours over the peer's: below 1 is better. The bounds allow
for machines that are busy; the pages have the figures of a quiet one.

| claim | on | command | bound | figure | verdict | machine | date |
|---|---|---|---|---|---|---|---|
"""
REFERENCES = """
## Beside what others report

| claim | reached by others |
|---|---|
"""


class Entry(NamedTuple):
    """What a claim's command showed."""

    name: str
    figure: str
    verdict: str
    machine: str
    date: str


def read(page: Path) -> dict[str, Entry]:
    """The entries of the page, by claim."""
    if not page.exists():
        return {}
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| claim ")
    ]
    return {row[0]: Entry(row[0], *row[4:]) for row in cells if len(row) == 8 and row[4]}


def write(page: Path, entries: Mapping[str, Entry]) -> None:
    """All claims, those without an entry too."""
    page.write_text(text(entries), encoding="utf-8")


def text(entries: Mapping[str, Entry]) -> str:
    lines = [_line(claim, entries.get(claim.name)) for claim in CLAIMS]
    references = [f"| {claim.name} | {claim.reference} |\n" for claim in CLAIMS if claim.reference]
    return HEAD + "".join(lines) + REFERENCES + "".join(references)


def _line(claim: Claim, entry: Entry | None) -> str:
    figures = entry[1:] if entry else ("", "not shown yet", "", "")
    place = claim.page.removeprefix("docs/")
    link = place if "/" in claim.page and not claim.page.startswith("docs/") else f"[{place}]({_link(claim.page)})"
    command = claim.command.replace("{data}", "DATA")
    cells = (claim.name, link, f"`python {command}`", _bound(claim), *figures)
    return "| " + " | ".join(cells) + " |\n"


def _link(page: str) -> str:
    return page.removeprefix("docs/") if page.startswith("docs/") else f"../{page}"


def _bound(claim: Claim) -> str:
    parts = [f"at least {claim.least:g}"] * (claim.least > float("-inf"))
    return " and ".join(parts + [f"at most {claim.most:g}"] * (claim.most < float("inf")))
