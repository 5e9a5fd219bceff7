"""A process that is out of file descriptors must not take the other ranks for dead."""

from __future__ import annotations

import errno

from spark_deepnet.errors import ExchangeError


def check_descriptors(error: OSError) -> None:
    """Raise an ExchangeError where this process itself has reached its limit of open files and connections."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        import resource  # of POSIX alone

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        raise ExchangeError(
            f"this process can open no more connections: it holds all of its {limit} file descriptors; raise the limit "
            f"(ulimit -n) where the executors are started"
        ) from None
