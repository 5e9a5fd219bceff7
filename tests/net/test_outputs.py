"""Networks with several outputs: what is marked, what their losses see, and gradients from all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.tanh import Tanh
from spark_deepnet.net.net import INPUT, Net
from tests.net.test_run import STEP, Bench, row_keys

TWO = (
    Dense(5, "tanh", name="trunk"),
    Dense(3, "softmax", name="kind"),
    Output(),
    Dense(2, name="size", inputs=("trunk",)),
    Output(name="far"),
)
IN_THE_MIDDLE = (Dense(4, "tanh", name="a"), Output(), Dense(3), Output(name="b"))
ONE_NODE_TWICE = (Dense(4, name="a"), Tanh(), Output(name="p"), Output(name="q"))
BEFORE_AND_BEHIND = (
    Dense(3, "softmax", name="a"),
    Output(name="p"),
    Output(name="q", inputs=("a",)),
    Dense(2),
    Output(),
)
NETS = {"two": TWO, "in the middle": IN_THE_MIDDLE, "one node twice": ONE_NODE_TWICE, "read on": BEFORE_AND_BEHIND}


def net(*layers: Any) -> Net:
    return Net.of(layers, {INPUT: (4,)})


def test_outputs_bear_their_own_names_or_those_of_what_they_mark() -> None:
    assert [out.name for out in net(*TWO).outputs] == ["kind/output", "far/output"]
    assert [top.name for top in net(*TWO).tops] == ["kind/softmax", "size"]
    assert [node.name for node in net(Dense(3), "tanh").outputs] == ["tanh"]
    assert [node.name for node in net(Dense(3), "tanh").tops] == ["tanh"]


def test_an_output_bears_the_whole_name_of_what_it_marks() -> None:
    layers = (Dense(4, "tanh", name="x/output"), Dense(3, "softmax", name="x"), Output(), Dense(2), Output(name="y/z"))
    outputs = net(*layers).outputs
    assert [(out.name, out.layer.name) for out in outputs] == [("x/output_2", "x"), ("y/z/output", "y/z")]
    assert net(Dense(4, "tanh", name="loss1/top"), Output()).outputs[0].layer.name == "loss1/top"


def test_a_layer_behind_an_output_reads_what_it_marks() -> None:
    assert net(*IN_THE_MIDDLE).nodes[3].inputs == ("a/tanh",)


LINKS = [
    (TWO, ("softmax", None), {"kind/output": "kind", "far/output": "size"}),
    (TWO, (None, "softmax"), {"kind/output": "kind/softmax", "far/output": "size"}),
    (ONE_NODE_TWICE, ("tanh", None), {"p/output": "a", "q/output": "tanh"}),
    (ONE_NODE_TWICE, ("tanh", "tanh"), {"p/output": "a", "q/output": "a"}),
    (BEFORE_AND_BEHIND, ("softmax", "softmax", None), {"p/output": "a", "q/output": "a", "dense/output": "dense"}),
]


@pytest.mark.parametrize(("layers", "links", "reads"), LINKS)
def test_each_loss_sees_what_lies_before_its_own_link(layers: Any, links: Any, reads: dict[str, str]) -> None:
    whole, found = net(*layers), net(*layers).without_links(links)
    assert {out.name: out.inputs[0] for out in found.outputs} == reads
    kept = {name for node in found.nodes for name in node.inputs} | set(reads)
    assert [node.name for node in found.nodes] == [node.name for node in whole.nodes if node.name in kept]


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_those_of_all_scores_together(name: str) -> None:
    bench = Bench(net(*NETS[name]))
    rng, n, h = np.random.default_rng(1), 3, 1e-5
    x = rng.normal(size=(n, 4))
    dys = [rng.normal(size=(n, *out.shape)) for out in bench.net.outputs]

    def total() -> float:
        batch = bench.runner.batch(n)
        batch.feed[INPUT][...] = x
        batch.forward(True, STEP, row_keys(n), {})
        return sum(float(np.sum(out.y * dy)) for out, dy in zip(batch.outputs, dys, strict=True))

    total()
    for out, dy in zip(bench.runner.batch(n).outputs, dys, strict=True):
        assert out.dy is not None
        out.dy[...] = dy
    bench.runner.backward(n)
    views = bench.runner.layout.named(bench.runner.gradients.copy())
    for key, w in bench.runner.layout.named(bench.weights).items():
        for i in np.ndindex(w.shape):
            kept = w[i]
            w[i] = kept + h
            above = total()
            w[i] = kept - h
            below = total()
            w[i] = kept
            assert views[key][i] == pytest.approx((above - below) / (2 * h), abs=1e-7), (key, i)


REFUSED = [
    ((Dense(3), Output(), Dense(2, name="b")), {}, "'b' is read by no layer and marked by no Output"),
    (
        (Dense(3, name="a"), Dense(2, name="b", inputs=(INPUT,))),
        {},
        "'a' and 'b' are read by no layer, but a network has",
    ),
    ((Dense(3), Output(), Output()), {}, "outputs need different names, found 'dense'"),
    ((Dense(3, "relu", name="a/b"), Output(), Output()), {}, "outputs need different names, found 'a/b'"),
    ((Dense(3), Output(name="")), {}, "found ''"),
    ((Output(),), {}, "layer Output() marks the input 'features'"),
    ((Dense(3), Output(inputs=("dens",))), {}, "did you mean 'dense'?"),
    ((Dense(3), Output(), Dense(2, inputs=("dense/output",))), {}, "which is not an earlier layer"),
    ((Input(name="a"), Dense(3)), {"a": (4,), "b": (2,)}, "the input 'b' is read by no layer"),
    ((Input(),), {}, "the input 'features' is read by no layer"),
    ((Input(name="a"), Input(name="a"), Dense(3)), {"a": (4,)}, "Input layers need different names, found ['a', 'a']"),
]


@pytest.mark.parametrize(("layers", "inputs", "fragment"), REFUSED, ids=[r[2] for r in REFUSED])
def test_ends_that_do_not_fit_are_refused(layers: Any, inputs: Any, fragment: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Net.of(layers, inputs or {INPUT: (4,)})
    assert fragment in str(caught.value)
