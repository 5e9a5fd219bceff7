"""When packets leave the router, at times that are given: no namespace, no clock."""

from __future__ import annotations

import ipaddress
import math

import pytest

from tests.hosts.link import LARGE_MTU, SMALL_MTU, Link, to_bits, to_part, to_seconds
from tests.hosts.switch import Switch, destination

ADDRESSES = ("10.9.0.1", "10.9.0.2", "10.9.0.3", "fd00:9::1", "fd00:9::2", "fd00:9::3")
ROUTES = {ipaddress.ip_address(address).packed: number % 3 for number, address in enumerate(ADDRESSES)}
FOREVER = 1e9


def packet(target: str, size: int = 1000, mark: int = 0) -> bytes:
    """The fields that a router reads, and a mark at the end."""
    address = ipaddress.ip_address(target)
    head = b"\x45" + bytes(15) if address.version == 4 else b"\x60" + bytes(23)
    return (head + address.packed).ljust(size - 1, b"\0") + bytes([mark])


def arrivals(switch: Switch) -> list[tuple[float, int, int]]:
    """Time, host and mark of each packet that arrives, in order."""
    found = []
    while (now := switch.next_time) is not None:
        found += [(round(now, 9), port, arrived[-1]) for port, arrived in switch.leaving(now)]
    return found


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_packet_goes_to_its_address(address: str) -> None:
    switch = Switch(Link(), ROUTES)
    switch.enter(0, packet(address, mark=7), 5.0)
    assert destination(packet(address)) == ipaddress.ip_address(address).packed
    assert arrivals(switch) == [(5.0, ADDRESSES.index(address) % 3, 7)]


@pytest.mark.parametrize("address", ["10.9.0.4", "8.8.8.8", "224.0.0.22", "ff02::2", "2001:4860:4860::8888"])
def test_a_packet_for_no_host_goes_nowhere(address: str) -> None:
    switch = Switch(Link(), ROUTES)
    switch.enter(0, packet(address), 0.0)
    assert arrivals(switch) == []
    assert switch.counts.no_route == 1


def test_a_packet_takes_the_delay_and_its_time_on_the_link_once() -> None:
    switch = Switch(Link(delay=0.02, rate=1e6), ROUTES)
    switch.enter(0, packet("10.9.0.2"), 1.0)
    assert arrivals(switch) == [(1.028, 1, 0)]


def test_a_sender_s_packets_follow_each_other_at_the_rate_in_both_directions_at_once() -> None:
    switch = Switch(Link(delay=0.02, rate=1e6), ROUTES)
    for mark in range(3):
        switch.enter(0, packet("10.9.0.2", mark=mark), 0.0)
        switch.enter(1, packet("10.9.0.1", mark=mark), 0.0)
    times = [0.028, 0.036, 0.044]
    assert arrivals(switch) == [(time, port, mark) for mark, time in enumerate(times) for port in (1, 0)]


def test_two_senders_share_the_receiver_s_link() -> None:
    switch = Switch(Link(rate=1e6), ROUTES)
    for mark in range(2):
        switch.enter(0, packet("10.9.0.3", mark=mark), 0.0)
        switch.enter(1, packet("10.9.0.3", mark=mark), 0.0)
    assert [time for time, _, _ in arrivals(switch)] == [0.008, 0.016, 0.024, 0.032]


def test_a_full_queue_drops_what_comes_last() -> None:
    link = Link(rate=2.0**20)  # whose times are exact
    switch = Switch(link, ROUTES)
    waiting = math.floor(link.queue_seconds / link.seconds(1000)) + 1
    for mark in range(waiting + 5):
        switch.enter(0, packet("10.9.0.2", mark=mark % 256), 0.0)
    assert [mark for _, _, mark in arrivals(switch)] == [mark % 256 for mark in range(waiting)]
    assert switch.counts.queue_full == 5


def test_a_queue_holds_what_a_round_trip_does() -> None:
    assert Link(delay=0.1, rate=1e9).queue_seconds == 0.2


def test_loss_is_by_chance_and_the_same_for_a_seed() -> None:
    def arrived(seed: int) -> list[int]:
        switch = Switch(Link(loss=0.1), ROUTES, seed)
        for number in range(10_000):
            switch.enter(0, packet("10.9.0.2", 40, number % 256), float(number))
        found = [mark for _, _, mark in arrivals(switch)]
        assert switch.counts.lost == 10_000 - len(found)
        return found

    assert arrived(1) == arrived(1) != arrived(2)
    assert 0.08 < 1 - len(arrived(1)) / 10_000 < 0.12


def test_a_link_that_is_down_loses_what_is_sent_received_and_on_its_way() -> None:
    switch = Switch(Link(delay=1.0), ROUTES)
    switch.enter(0, packet("10.9.0.2", mark=1), 0.0)
    switch.is_up[1] = False
    switch.enter(1, packet("10.9.0.1", mark=2), 0.1)
    switch.enter(0, packet("10.9.0.3", mark=3), 0.2)
    assert arrivals(switch) == [(1.2, 2, 3)]
    switch.is_up[1] = True
    switch.enter(0, packet("10.9.0.2", mark=4), 2.0)
    assert arrivals(switch) == [(3.0, 1, 4)]
    assert (switch.counts.lost, switch.counts.arrived, switch.counts.arrived_bytes) == (2, 2, 2000)


def test_nothing_leaves_before_its_time() -> None:
    switch = Switch(Link(delay=0.5), ROUTES)
    switch.enter(0, packet("10.9.0.2"), 1.0)
    assert list(switch.leaving(1.4999)) == []
    assert len(list(switch.leaving(1.5))) == 1


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (to_seconds, "20ms", 0.02),
        (to_seconds, ".1ms", 1e-4),
        (to_seconds, "100us", 1e-4),
        (to_seconds, "2s", 2.0),
        (to_bits, "100mbit", 1e8),
        (to_bits, "1.5Gbit", 1.5e9),
        (to_part, "0.1%", 1e-3),
        (to_part, "0.001", 1e-3),
    ],
)  # fmt: skip
def test_units(read, text: str, value: float) -> None:  # type: ignore[no-untyped-def]
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("read", "text"), [(to_seconds, "20"), (to_seconds, "-1ms"), (to_bits, "100"), (to_bits, "fast"), (to_part, "")]
)
def test_a_number_without_its_unit_is_refused(read, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"a number and one of .*, found"):
        read(text)


@pytest.mark.parametrize("faulty", [{"delay": -1.0}, {"rate": 0.0}, {"loss": 1.0}, {"delay": math.inf}])
def test_no_such_link(faulty: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a delay of at least 0"):
        Link(**faulty)


def test_packets_are_large_where_the_link_is_fast() -> None:
    assert (Link().mtu, Link(rate=5e8).mtu, Link(rate=1e8).mtu) == (LARGE_MTU, LARGE_MTU, SMALL_MTU)
