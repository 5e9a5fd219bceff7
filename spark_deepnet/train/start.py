"""The state of a fit that starts from given weights, as chunks for the ranks of its first job."""

from __future__ import annotations

from collections.abc import Iterator

from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.messages import StateChunk
from spark_deepnet.train.state import State


def arrays_of(initial: InitialState) -> int:
    """The number of flat vectors that ranks are sent: the weights, and the optimizer's vectors if there are some."""
    return 1 + len(initial.vectors)


def start(state: State, layout: Layout, initial: InitialState) -> None:
    """Let a state that has been initialised start from what is given."""
    initial.fill(layout, state.starting(arrays_of(initial)))
    state.clock.count = state.clock.started = initial.steps
    if state.best is not None:
        state.best[...] = state.weights


def start_chunks(recipe: Recipe, blocks: int, initial: InitialState) -> Iterator[StateChunk]:
    """What the ranks of each block start from; weights that are not given are those of a fit without an initial model."""
    for block in range(blocks):
        layout = recipe.block_net(block, blocks).layout
        state = State.initial(layout, recipe.optimizer, recipe.seed, False)
        start(state, layout, initial)
        yield from state.chunks(block, state.starting(arrays_of(initial)))
