"""Tables of docs/formats.md, made from the registries; ``make docs`` writes them."""

from __future__ import annotations

from spark_deepnet.formats.caffe.heads import LOSSES
from spark_deepnet.formats.caffe.registry import DROPPED, REFUSED, layer_types
from spark_deepnet.formats.caffe.solver import OPTIMIZERS, POLICIES
from spark_deepnet.formats.caffe.sources import DATA_TYPES
from spark_deepnet.formats.onnx.writers._registry import writers
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
    }


def code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ")) if names else "none"


if __name__ == "__main__":
    rewrite(PAGE, tables())
