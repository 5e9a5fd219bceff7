"""Garbage collections of a Python worker.

Behind every task Spark has its worker collect all garbage. A collection goes through all objects there are, of which the
imported packages and loaded kernels are some hundred thousand: a tenth of a second of a core for each task, more than many
a task of scoring takes."""

from __future__ import annotations

import gc
from itertools import count

_tasks = count(1)


def note_task() -> None:
    """To be called at the start of each task. At the start of this process's second task, behind such a collection and
    before any row is read, what there is counts as permanent (`gc.freeze`): later collections leave it out."""
    if next(_tasks) == 2:
        gc.freeze()
