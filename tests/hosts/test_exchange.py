"""Ranks on hosts of their own, without Spark: sums are right over any network, or an error names who is not reached."""

from __future__ import annotations

import re
import time

import pytest

from tests.hosts.link import Link
from tests.hosts.namespaces import Hosts, unavailable
from tests.hosts.ranks import results

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "hosts")]
SLOW = Link(delay=0.005, rate=1e8)
SIZE = 3
CUT_OFF = 1
"""The host whose link breaks."""
INTO_THE_SUMS_SECONDS = 0.5


@pytest.mark.parametrize("options", [{}, {"ipv6_only": True}, {"unnamed": True}], ids=["", "IPv6 only", "unnamed"])
def test_sums_are_right_over_a_slow_network_that_loses_packets(options: dict[str, bool]) -> None:
    said = results(Link(delay=0.002, rate=1e8, loss=0.01), SIZE, 20.0, 30, 20_000, **options)
    assert [words.get("right") for words in said] == [True] * SIZE, said


def test_a_link_that_is_down_for_less_than_the_deadline_does_no_harm() -> None:
    def interrupt(hosts: Hosts) -> None:
        time.sleep(INTO_THE_SUMS_SECONDS)
        hosts.down(CUT_OFF)
        time.sleep(1.0)
        hosts.up(CUT_OFF)

    said = results(SLOW, SIZE, 20.0, 150, meanwhile=interrupt)
    assert [words.get("right") for words in said] == [True] * SIZE, said
    assert min(words["seconds"] for words in said) > 150 * 2 * SLOW.delay


def test_a_link_that_stays_down_ends_every_rank_with_a_sentence() -> None:
    def cut(hosts: Hosts) -> None:
        time.sleep(INTO_THE_SUMS_SECONDS)
        hosts.down(CUT_OFF)

    said = results(SLOW, SIZE, 2.0, 100_000, meanwhile=cut)
    others = (
        r"ExchangeError: rank [02] waited .* s for rank 1 at 10\.9\.0\.2:\d+, which (answers nobody|does not answer);"
    )
    alone = r"ExchangeError: rank 1 waited .*, and none of the 2 other ranks answers; is the host of rank 1 cut off"
    for rank, words in enumerate(said):
        assert re.match(alone if rank == CUT_OFF else others, words["error"])
        assert words["seconds"] < 30
