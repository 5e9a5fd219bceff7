"""Networks in words and as drawings."""

from __future__ import annotations

from spark_deepnet.layers.add import Add
from spark_deepnet.layers.dense import Dense
from spark_deepnet.net.net import INPUT, Net

RESIDUAL = Net.of(
    [Dense(4, name="a", activation="relu"), Dense(4, share="a"), Add(inputs=("a", "dense")), Dense(300, bias=False)],
    {INPUT: (4,)},
)


def test_a_summary_tells_of_every_node_and_the_sums() -> None:
    rows = [line.split() for line in RESIDUAL.summary().splitlines()]
    assert rows == [
        ["name", "(kind)", "shape", "parameters", "multiply-adds", "bytes/row", "reads"],
        ["a", "(dense)", "(4,)", "20", "16", "16", "features"],
        ["a/relu", "(relu)", "(4,)", "0", "0", "16", "a"],
        ["dense", "(dense)", "(4,)", "0", "16", "16", "a/relu"],
        ["add", "(add)", "(4,)", "0", "0", "16", "a/relu,", "dense"],
        ["dense_2", "(dense)", "(300,)", "1,200", "1,200", "1,200", "add"],
        ["in", "all", "1,220", "1,232", "1,264", "0.00", "MiB", "of", "weights"],
    ]


def test_the_columns_of_a_summary_stand_below_each_other() -> None:
    lines = RESIDUAL.summary().splitlines()
    reads = [
        lines[0].index("reads"),
        *(line.rindex(node.inputs[0]) for line, node in zip(lines[1:], RESIDUAL.nodes, strict=False)),
    ]
    assert reads[0] == reads[1] == reads[2] == reads[3]
    assert all(line == line.rstrip() for line in lines)


def test_a_plot_is_a_graph_of_nodes_and_edges() -> None:
    found = Net.of([Dense(3, name="a", activation="relu"), Add(inputs=("a", "a"))], {INPUT: (4,)})
    assert found.plot() == "\n".join(
        [
            "digraph network {",
            "  node [shape=box, fontname=Helvetica];",
            '  "features" [label="features\\n(4,)", shape=ellipse];',
            '  "a" [label="Dense(3, name=\'a\')\\n(3,)"];',
            '  "features" -> "a";',
            '  "a/relu" [label="Relu()\\n(3,)"];',
            '  "a" -> "a/relu";',
            "  \"add\" [label=\"Add(inputs=('a', 'a'))\\n(3,)\"];",
            '  "a/relu" -> "add";',
            '  "a/relu" -> "add";',
            "}",
        ]
    )


def test_long_names_widen_their_column() -> None:
    layers = [Dense(3, name="inception_3a/3x3_reduce/of_the_second_tower"), Dense(2)]
    head, first, second, total = Net.of(layers, {INPUT: (4,)}).summary().splitlines()
    assert head.index("shape") == first.index("(3,)") == second.index("(2,)") == first.index("(dense)") + 8
    assert total.index("23") == first.index("15")


def test_names_are_escaped_in_a_plot() -> None:
    found = Net.of([Dense(3, name='say "a/b"')], {INPUT: (4,)}).plot()
    assert '  "say \\"a/b\\"" [label=' in found
    assert '"features" -> "say \\"a/b\\"";' in found


def test_quotes_are_escaped_in_a_plot() -> None:
    found = Net.of([Dense(3, name="it's")], {INPUT: (4,)}).plot()
    assert '[label="Dense(3, name=\\"it\'s\\")\\n(3,)"]' in found


def test_a_backslash_at_the_end_of_a_name_does_not_end_its_text() -> None:
    found = Net.of([Dense(3, name="a\\")], {INPUT: (4,)}).plot()
    assert r'"features" -> "a\\";' in found
