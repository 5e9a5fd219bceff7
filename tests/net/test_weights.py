"""The flat vector of weights: where each array lies, how it starts, and how it is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Layer, Shape, Weight
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.weights import Layout
from tests.cases.nets import NETS, NetCase

each_net = pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)


class Counted(Layer):
    """A layer with a weight of every sort; it joins no family, so it bears a name."""

    kind: ClassVar[str] = "counted"

    def weights(self, x: Shape) -> dict[str, Weight]:
        zeros = Initializer.of("constant")
        return {
            "seen": Weight(x, zeros, trained=False),
            "shift": Weight(x, zeros, decays=False),
            "scale": Weight(x, Initializer.of("glorot_uniform")),
        }


def layout(*layers: Any, width: int = 5) -> Layout:
    return Layout(Net.of(layers, {INPUT: (width,)}))


@each_net
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_starts_on_a_cache_line_of_its_own(case: NetCase, dtype: Any) -> None:
    found = Layout(case.net())
    flat = found.zeros(dtype)
    for array in found.named(flat).values():
        assert array.ctypes.data % 64 == 0
        array += 1
    assert flat.sum() == found.count


def test_decaying_arrays_come_first_and_untrained_ones_last() -> None:
    found = layout(Dense(3), Counted(name="c"), Dense(2, bias_decays=True), Counted(name="d"))
    kinds = [(s.weight.trained, s.weight.decays) for s in found.slots]
    assert kinds == sorted(kinds, reverse=True)
    assert [s.name for s in found.slots] == [
        *("dense/W", "c/scale", "dense_2/W", "dense_2/b", "d/scale"),
        *("dense/b", "c/shift", "d/shift", "c/seen", "d/seen"),
    ]


def test_runs_are_the_trained_part_in_at_most_two_stretches() -> None:
    found = layout(Dense(3), Counted(name="c"), Dense(2))
    names = {s.name: s for s in found.slots}
    assert found.runs() == [
        (slice(0, names["dense/b"].start), True, 1.0),
        (slice(names["dense/b"].start, names["c/seen"].start), False, 1.0),
    ]


def test_layerwise_runs_are_one_stretch_an_array() -> None:
    found = layout(Dense(3), Counted(name="c"))
    assert [(run.stretch.start, run.decays) for run in found.runs(layerwise=True)] == [
        (s.start, s.weight.decays) for s in found.slots if s.weight.trained
    ]


@each_net
@pytest.mark.parametrize("layerwise", [False, True])
def test_runs_join_without_gap_or_overlap(case: NetCase, layerwise: bool) -> None:
    found = Layout(case.net())
    runs = [run.stretch for run in found.runs(layerwise)]
    assert [run.start for run in runs] == [0, *(run.stop for run in runs[:-1])]
    assert runs[-1].stop == found.size


def test_a_network_without_weights_has_an_empty_vector() -> None:
    found = layout("softmax")
    assert (found.size, found.count, found.runs(), found.init_weights(1).size) == (0, 0, [], 0)


@each_net
def test_packed_is_the_way_back_from_named(case: NetCase) -> None:
    found = Layout(case.net())
    flat = found.init_weights(7)
    np.testing.assert_array_equal(found.packed({name: a.copy() for name, a in found.named(flat).items()}), flat)


def test_packed_refuses_other_names_and_shapes() -> None:
    found = layout(Dense(3))
    arrays = found.named(found.init_weights(1))
    with pytest.raises(NetworkError, match=r"expected \['dense/W', 'dense/b'\], found \['dense/W'\]"):
        found.packed({"dense/W": arrays["dense/W"]})
    with pytest.raises(NetworkError, match=r"weights of 'dense/W': expected \(5, 3\), found \(3, 5\)"):
        found.packed(arrays | {"dense/W": arrays["dense/W"].T})


@dataclass(frozen=True, repr=False)
class Slashed(Dense):
    """A layer whose weights' names cannot be told from those of another layer."""

    def weights(self, x: Any) -> dict[str, Any]:
        return {f"b/{name}": weight for name, weight in super().weights(x).items()}


def test_names_of_weights_hold_no_slash_since_those_of_layers_may() -> None:
    with pytest.raises(NetworkError, match="layer 'a': the name of a weight has no '/', found 'b/W'"):
        layout(Slashed(3, name="a"))
    assert [slot.name for slot in layout(Dense(3, name="a/b")).slots] == ["a/b/W", "a/b/b"]


def test_views_and_named_show_the_flat_vector_itself() -> None:
    found = layout(Dense(3), Dense(2))
    flat = found.init_weights(1)
    found.views(flat)["dense_2"]["W"][0, 0] = 77
    assert found.named(flat)["dense_2/W"][0, 0] == 77
    assert 77 in flat


def test_weights_start_by_seed_and_name_alone() -> None:
    one, more = layout(Dense(3, name="a")), layout(Dense(3, name="a"), Dense(2, name="b"))
    first = one.named(one.init_weights(1))
    np.testing.assert_array_equal(more.named(more.init_weights(1))["a/W"], first["a/W"])
    np.testing.assert_array_equal(one.init_weights(1), one.init_weights(1))
    assert (one.named(one.init_weights(2))["a/W"] != first["a/W"]).all()
    same = layout(Dense(3, name="a"), Dense(3, name="c"), Dense(3, name="b"), width=3)
    named = same.named(same.init_weights(1))
    assert (named["c/W"] != named["b/W"]).all()


def test_float64_weights_start_as_float32_ones_do() -> None:
    found = layout(Dense(3))
    np.testing.assert_allclose(found.init_weights(1, np.float64), found.init_weights(1), rtol=1e-6)


def test_factors_of_a_layer_are_those_of_its_weights() -> None:
    gru = {"kind": "gru", "units": 2, "rates": {"U": 0.0}, "name": "g"}
    both = {
        "kind": "bidirectional",
        "layer": gru,
        "rates": {"forward_W": 2.0},
        "decays": {"backward_b": 3.0},
        "name": "b",
    }
    found = {slot.name: slot.weight for slot in Layout(Net.of([both], {INPUT: (3, 2)})).slots}
    assert {name: weight.rate for name, weight in found.items() if weight.rate != 1} == {
        "b/forward_W": 2.0, "b/forward_U": 0.0, "b/backward_U": 0.0,
    }  # fmt: skip
    assert {name: w.decay_factor for name, w in found.items() if w.decay_factor not in (0, 1)} == {"b/backward_b": 3.0}
    with pytest.raises(NetworkError, match="rates names no weight of it, found 'X'"):
        layout_of = {**both, "layer": {**gru, "rates": {"X": 0.0}}}
        Net.of([layout_of], {INPUT: (3, 2)})
