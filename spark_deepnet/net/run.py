"""Runs a network: forward and backward passes over batches, in buffers allocated once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Blocks, Call
from spark_deepnet.net.batch import Batch, Lengths
from spark_deepnet.net.buffers import Buffers
from spark_deepnet.net.net import Net
from spark_deepnet.net.seen import Seen, seen_of, sparse_readers

_MAX_BATCHES = 64  # sizes of batches whose views are cached


class Runner:
    """Forward and backward passes of one network over one flat vector of weights.

    ``feed(n)`` returns the input buffers of n rows to fill, and ``forward(n)`` the scores. ``backward(n)`` computes
    ``gradients``, the flat vector of the weights' gradients, from the gradient of the scores in ``gradient(n)``.
    ``batch`` returns all of these for a batch whose sequences are shorter than the network's longest, and for all
    outputs.
    """

    def __init__(
        self,
        net: Net,
        weights: np.ndarray,
        capacity: int,
        training: bool = True,
        total: Callable[[np.ndarray], None] | None = None,
        blocks: Blocks | None = None,
        of_inputs: bool = False,
    ) -> None:
        """of_inputs: whether backward also computes the gradients of the inputs that are numbers, which are then never fed
        as sparse rows."""
        self.net, self.layout, self.weights = net, net.layout, weights
        self.total, self.blocks = total or Call.total, blocks
        self.buffers = Buffers(net, capacity, weights.dtype, training, of_inputs=of_inputs)
        self.capacity, self.training = capacity, training
        self.sparse = frozenset() if of_inputs else frozenset(sparse_readers(net))
        """The inputs that may be fed as sparse rows."""
        self._gradients: np.ndarray | None = None
        self._seen: dict[str, dict[str, Seen]] | None = None
        self._batches: dict[tuple[object, ...], Batch] = {}

    @property
    def needs_all_reduce(self) -> bool:
        """Whether some layer sums over all ranks, so that all ranks must run each pass together."""
        return any(node.layer.needs_all_reduce for node in self.net.nodes)

    @property
    def gradients(self) -> np.ndarray:
        """The flat vector of the weights' gradients, allocated at first use; empty if the network is not trained."""
        if self._gradients is None:
            self._gradients = aligned(self.layout.size if self.training else 0, self.weights.dtype)
        return self._gradients

    def use_gradients(self, gradients: np.ndarray) -> None:
        """Write the weights' gradients into this vector from now on, which is part of a longer, exchanged vector."""
        self._gradients, self._seen = gradients, None
        self._batches.clear()

    @property
    def seen(self) -> list[Seen]:
        """The gradients stored separately from the flat vector for inputs fed as sparse rows, in the vector's order."""
        separate = (seen for gradients in self._apart().values() for seen in gradients.values())
        return sorted(separate, key=lambda seen: seen.slot.start)

    def _apart(self) -> dict[str, dict[str, Seen]]:
        if self._seen is None:
            self._seen = seen_of(self.net, self.layout, self.gradients) if self.training else {}
        return self._seen

    def batch(self, n: int, longest: Mapping[str, int] | None = None, sparse: Collection[str] = ()) -> Batch:
        """The batch of n rows; longest: for inputs that are sequences, the steps of the longest row; sparse: the inputs
        that are fed as sparse rows."""
        key = (n, *sorted((longest or {}).items()), *sorted(sparse))
        if key not in self._batches:
            if len(self._batches) == _MAX_BATCHES:
                self._batches.pop(next(iter(self._batches)))
            net = self._shortened(longest) if longest else self.net
            gradients = self.layout.views(self.gradients) if self.training else None
            call = Call(total=self.total, blocks=self.blocks)
            weights = self.layout.views(self.weights)
            self._batches[key] = Batch(net, n, self.buffers, weights, gradients, call, sparse, self._apart())
        return self._batches[key]

    def _shortened(self, longest: Mapping[str, int]) -> Net:
        """The network over shorter sequences; unchanged if its weights or scores depend on their length."""
        shapes = {
            name: (longest[name], *shape[1:]) if name in longest else shape for name, shape in self.net.inputs.items()
        }
        try:
            net = self.net.resized(shapes)
        except NetworkError:
            return self.net
        return net if self.runs(net) else self.net

    def runs(self, net: Net) -> bool:
        """Whether this network over other sequence lengths has the same weights and scores of the same widths, and no
        layer makes features of the steps."""
        if any(
            a.input_shapes != b.input_shapes and a.layer.masking(a.x) is Masking.FULL_LENGTH
            for a, b in zip(self.net.nodes, net.nodes, strict=True)
        ):
            return False
        before, after = ([(s.name, s.weight.shape) for s in layout.slots] for layout in (self.layout, net.layout))
        widths = [[out.shape[-1:] for out in n.outputs] for n in (self.net, net)]
        return before == after and widths[0] == widths[1]

    def feed(self, n: int) -> Arrays:
        return self.batch(n).feed

    def gradient(self, n: int) -> np.ndarray:
        gradient = self.batch(n).gradient
        assert gradient is not None
        return gradient

    def forward(
        self,
        n: int,
        training: bool = False,
        step: np.uint64 = np.uint64(0),
        rows: np.ndarray | None = None,
        lengths: Lengths | None = None,
    ) -> np.ndarray:
        """The scores of the n rows in the feed; rows: (n,) uint64 keys, needed by random layers in training."""
        rows = np.zeros(n, np.uint64) if rows is None else rows
        return self.batch(n).forward(training, step, rows, lengths or {})

    def backward(self, n: int) -> None:
        self.batch(n).backward()
