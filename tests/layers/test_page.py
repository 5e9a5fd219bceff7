"""docs/networks.md says what the layers do to the number of steps."""

from __future__ import annotations

from spark_deepnet.layers.layer import Layer
from tests.layers.page import EXAMPLES, PAGE, tables
from tests.page import check


def test_the_page_is_up_to_date() -> None:
    check(PAGE, tables())


def test_every_layer_is_in_the_table() -> None:
    assert {layer.kind for layer, _ in EXAMPLES} == set(Layer.names()) - {"input"}
