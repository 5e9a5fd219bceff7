"""Tables of docs/formats.md, made from the registries; ``make docs`` writes them."""

from __future__ import annotations

from spark_deepnet.formats.caffe.heads import LOSSES
from spark_deepnet.formats.caffe.registry import DROPPED, REFUSED, layer_types
from spark_deepnet.formats.caffe.solver import OPTIMIZERS, POLICIES
from spark_deepnet.formats.caffe.sources import DATA_TYPES
from spark_deepnet.formats.onnx.registry import REFUSED as REFUSED_OPERATORS
from spark_deepnet.formats.onnx.registry import operators
from spark_deepnet.formats.onnx.writers._registry import writers
from tests.formats.onnx_nodes import cases, counts
from tests.page import DOCS, rewrite, table

PAGE = DOCS / "formats.md"


def tables() -> dict[str, str]:
    types = ((f"`{each.name}`", code(each.gives), each.note) for _, each in sorted(layer_types().items()))
    losses = ((f"`{name}`", code(each.gives), each.note) for name, each in sorted(LOSSES.items()))
    others = [(f"`{name}`", "left out", why) for name, why in sorted(DROPPED.items())]
    others += [(f"`{name}`", "refused", why) for name, why in sorted(REFUSED.items())]
    solvers = [(f"`{name}`", f"`{each.kind}`") for name, each in (*POLICIES.items(), *OPTIMIZERS.items())]
    written = ((f"`{each.kind}`", each.operators, each.note) for _, each in sorted(writers().items()))
    return {
        "onnx writers": table(("layer", "operators", "note"), written),
        "caffe types": table(("type", "layers", "note"), types),
        "caffe losses": table(("type", "loss", "note"), losses),
        "caffe data": ", ".join(f"`{name}`" for name in DATA_TYPES) + ".",
        "caffe others": table(("type", "", "why"), others),
        "caffe solvers": table(("policy or type", "here"), solvers),
    } | onnx_tables()


def onnx_tables() -> dict[str, str]:
    """The operators with their versions, and how many of the package's node cases pass."""
    found, unclaimed = counts(), cases()[1]
    rows = [
        (
            f"`{name}`",
            f"{each.versions[0]} to {each.versions[-1]}",
            code(each.gives),
            f"{found[name]['passed']} / {found[name]['listed']}",
            each.note,
        )
        for name, each in sorted(operators().items())
    ]
    passed, listed = (sum(count[key] for count in found.values()) for key in ("passed", "listed"))
    others = [(f"`{name}`", why) for name, why in sorted(REFUSED_OPERATORS.items())]
    total = f"Of the {passed + listed + unclaimed} node cases of onnx with one node {passed} pass, {listed} are listed"
    return {
        "onnx operators": table(("operator", "versions", "layers", "cases passed / listed", "note"), rows),
        "onnx counts": f"{total} with their reasons, and {unclaimed} are of operators that are not read.",
        "onnx others": table(("operator", "why"), others),
    }


def code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ")) if names else "none"


if __name__ == "__main__":
    rewrite(PAGE, tables())
