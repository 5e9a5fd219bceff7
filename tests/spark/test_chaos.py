"""The kinds of ``make chaos`` are all listed, and all have their turn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.chaos import KINDS, MODES, NETS, turns

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_every_kind_is_listed_in_the_help_of_make() -> None:
    (line,) = [line for line in MAKEFILE.read_text().splitlines() if line.startswith("chaos:")]
    assert " ".join(KINDS) in line
    assert all(kind.help for kind in KINDS.values())


def test_twenty_fits_go_round_all_kinds() -> None:
    found = turns(20, list(KINDS))
    assert set(Counter(kind for _, kind, _, _ in found).values()) == {1, 2}
    assert {(mode, net) for _, _, mode, net in turns(len(KINDS) * 6, list(KINDS))} == {
        (m, n) for m in MODES for n in NETS
    }
    one = [(mode, net) for _, _, mode, net in turns(6, ["worker"])]
    assert len(set(one)) == 6, "of one kind, all modes and networks"
