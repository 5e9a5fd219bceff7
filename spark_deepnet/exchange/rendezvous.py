"""How ranks find each other: each opens its listener and sends its address to all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.handshake import Credentials
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.exchange.sockets import SocketChannel


def rendezvous(
    rank: int, size: int, address: str, all_gather: Callable[[str], list[str]], secret: bytes, job: str,
    deadline: float, ports: Iterable[int] = (0,), identity: bytes = b"",
) -> Channel:  # fmt: skip
    """The channel of a rank. ``all_gather`` gives every rank's text to every rank (Spark's barrier does) and is called
    once; a single rank needs neither it nor a socket."""
    if size == 1:
        return memory_channels(1, deadline)[0]
    channel = SocketChannel(rank, size, deadline, address, Credentials(secret, "exchange", job, identity), ports)
    try:
        addresses = all_gather("{}:{}".format(*channel.here))
        if len(addresses) != size:
            raise ExchangeError(
                f"rank {rank}: {size} ranks should meet, found {len(addresses)}: {', '.join(addresses)}"
            )
        channel.rendezvous([_parsed(text) for text in addresses])
    except BaseException:
        channel.close()
        raise
    return channel


def _parsed(text: str) -> tuple[str, int]:
    """'10.0.0.1:4000' -> ('10.0.0.1', 4000)"""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ExchangeError(f"a rank should send its host:port, found {text!r}")
    return host, int(port)
