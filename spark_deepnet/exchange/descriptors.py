"""A process that can open nothing more must not take the others for dead."""

from __future__ import annotations

import errno

from spark_deepnet.errors import ExchangeError


def check_descriptors(error: OSError) -> None:
    """Raise an ExchangeError where the fault is this process's own: it has as many open files and connections as it may."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        import resource  # of POSIX alone

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        raise ExchangeError(
            f"this process can open no more connections: it holds all of its {most} file descriptors; raise the limit "
            f"(ulimit -n) where the executors are started"
        ) from None
