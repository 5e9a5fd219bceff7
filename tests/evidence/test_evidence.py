"""The claims name what exists, README has none without an entry, and the page is read back as it was written."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.__main__ import line as benchmark_line
from tests.benchmarks.harness import row
from tests.evidence import __main__ as run
from tests.evidence.claims import CLAIMS, RATIO, Claim
from tests.evidence.page import PAGE, Entry, read, text, write

ROOT = Path(__file__).resolve().parents[2]
each_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)


@each_claim
def test_the_page_has_the_words_and_the_command_exists(claim: Claim) -> None:
    assert claim.words in (ROOT / claim.page).read_text(encoding="utf-8")
    first, *rest = shlex.split(claim.command)
    assert find_spec(rest[0]) if first == "-m" else (ROOT / first).is_file()
    assert re.compile(claim.figure).groups == 1
    assert claim.least > float("-inf") or claim.most < float("inf"), "nothing would show it to be wrong"


def test_names_are_different_and_all_take_less_than_three_hours() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert sum(claim.minutes for claim in CLAIMS) < 180


def test_numbers_of_readme_have_claims() -> None:
    numbers = set(re.findall(r"about (\d+\.\d+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert numbers
    assert numbers <= {n for c in CLAIMS if c.page == "README.md" for n in re.findall(r"\d+\.\d+", c.words)}


def test_the_page_is_the_claims_and_its_entries(tmp_path: Path) -> None:
    assert PAGE.read_text(encoding="utf-8") == text(read(PAGE))
    entries = {CLAIMS[0].name: Entry(CLAIMS[0].name, "0.98", "holds", "CPU, 2 cores", "2026-11-30")}
    write(tmp_path / "page.md", entries)
    assert read(tmp_path / "page.md") == entries


@pytest.mark.parametrize(
    ("said", "verdict", "figure"),
    [("accuracy 0.99", "holds", "0.99"), ("accuracy 0.5\naccuracy 0.9", "does not hold", "0.5"), ("", "no figure", "")],
)
def test_a_command_shows_or_refutes(said: str, verdict: str, figure: str) -> None:
    claim = Claim("x", "README.md", "", shlex.join(["-c", f"print({said!r})"]), r"accuracy (\S+)", least=0.8)
    entry = run.shown(claim)
    assert (entry.verdict, entry.figure) == (verdict, figure)


@pytest.mark.parametrize("unit", ["us", "ms", "s", "MB", "x"])
@pytest.mark.parametrize("name", ["exchange all-reduce 4 MB, 2 processes", "plan LeNet, 2 of 2 cores"])
def test_a_benchmarks_ratio_is_read(name: str, unit: str) -> None:
    """And not what stands behind a name that ends as a unit does."""
    found = re.findall(RATIO, benchmark_line(row(name, unit, 893.642, 2408.486, "torch gloo", 0.8, 0.46)))
    assert found == ["0.37"]


def test_what_is_shown_is_not_shown_again(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    """Until it is asked for by name; each is noted as soon as it is shown."""
    ran: list[str] = []

    def shown(claim: Claim) -> Entry:
        ran.append(claim.name)
        if len(ran) == 2:
            raise KeyboardInterrupt
        return Entry(claim.name, "1", "holds", "CPU", "2026-11-30")

    monkeypatch.setattr(run, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(run, "shown", shown)
    monkeypatch.setattr(run, "missing", lambda *_: [])
    with pytest.raises(KeyboardInterrupt):
        run.main([])
    assert list(read(tmp_path / "page.md")) == ran[:1] == [CLAIMS[0].name]
    ran.clear()
    with pytest.raises(KeyboardInterrupt):
        run.main([])
    assert ran == [CLAIMS[1].name, CLAIMS[2].name]
    assert "minutes" in capsys.readouterr().out
    assert run.main(["--only", "no such claim"]) == 1
