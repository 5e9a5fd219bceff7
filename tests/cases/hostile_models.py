"""What a stranger may write into a saved model's metadata: fields of a sound one, altered."""

from __future__ import annotations

from typing import Any, NamedTuple

HUGE = 10**13


class Hostile(NamedTuple):
    """``values`` replace those of the metadata; the sentence must tell ``num_stats``."""

    name: str
    values: dict[str, Any]
    num_stats: str


def layer(kind: str = "layers.dense.v1", **values: Any) -> dict[str, Any]:
    return {"kind": kind, **values}


def net(*layers: Any, loss: Any = "squared", entries: Any = None, **entry: Any) -> dict[str, Any]:
    """An architecture over four numbers."""
    own = {"shape": [4], "name": "features", "columns": [], "steps": False, "tokens": 0} | entry
    return {"architecture": {"layers": list(layers), "entries": [own] if entries is None else entries, "loss": loss}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


EVIL = {"kind": "evil", "module": "evil_module"}
MODULES = [
    Hostile("a module for a layer", net(layer("layers.evil.v1", module="evil_module")), "'evil_module'"),
    Hostile("a module for a layer that is known", net(layer(units=3, module="evil_module")), "'evil_module'"),
    Hostile("a module for the loss", net(layer(units=3), loss=EVIL), "'evil_module'"),
    Hostile("a module for an initializer", net(layer(units=3, initializer=EVIL)), "'evil_module'"),
    Hostile("a module for an activation", net(layer(units=3, activation=EVIL)), "'evil_module'"),
    Hostile(
        "a module for an output's loss", net(layer(units=3), layer("layers.output.v1", loss=EVIL)), "'evil_module'"
    ),
    Hostile("a module in a module", net(layer("layers.bidirectional.v1", layer=EVIL)), "'evil_module'"),
    Hostile("a module that is a list", net(layer(module=["evil_module"])), "must be a name"),
    Hostile("a module within a package", net(layer(module="xml.etree.evil_module")), "'xml.etree.evil_module'"),
    Hostile("a module that ends the process", net(layer("layers.evil.v1", module="this_exits")), "'this_exits'"),
]
"""None of them may be imported."""

PARAMS = [
    Hostile("a module in the Param layers", {"paramMap": {"layers": [EVIL]}}, "'evil_module'"),
    Hostile("a module in the Param loss", {"paramMap": {"loss": EVIL}}, "'evil_module'"),
    Hostile("a module in a default", {"defaultParamMap": {"solver": EVIL}}, "'evil_module'"),
    Hostile(
        "a module in the loss of a Param's output",
        {"paramMap": {"layers": [layer(units=3), {"kind": "output", "loss": EVIL}]}},
        "'evil_module'",
    ),
    Hostile("Params that are a list", {"paramMap": []}, "paramMap"),
    Hostile("Params that are null", {"paramMap": None}, "paramMap"),
    Hostile("defaults that are text", {"defaultParamMap": "x"}, "defaultParamMap"),
    Hostile("an unknown Param", {"paramMap": {"widht": 1}}, "damaged or was written by another"),
    Hostile("a uid that is a number", {"uid": 5}, "uid"),
    Hostile("a uid that is empty", {"uid": ""}, "uid"),
    Hostile("a uid without end", {"uid": "x" * 10_000}, "uid"),
    Hostile("a uid of two lines", {"uid": "a\nb"}, "uid"),
    Hostile("a version that is none", {"sparkVersion": "x"}, "damaged or was written by another"),
    Hostile("a class that is a list", {"class": ["x"]}, "class"),
]
"""Of an estimator too."""

SHAPES = [
    Hostile("no layers", net(), "layers and entries"),
    Hostile("layers that are text", {"architecture": {"layers": "x", "entries": [], "loss": "squared"}}, "layers"),
    Hostile("an architecture that is null", {"architecture": None}, "damaged"),
    Hostile("an architecture that is a list", {"architecture": []}, "damaged"),
    Hostile("no inputs", net(layer(units=3), entries=[]), "layers and entries"),
    Hostile("an input that is a number", net(layer(units=3), entries=[4]), "Entry"),
    Hostile("an input with a strange field", net(layer(units=3), strange=1), "an InputSpec"),
    *(
        Hostile(f"an input of shape {shape}", net(layer(units=3), shape=shape), "shape of an input")
        for shape in (None, "4", 4, [], [-1], [0], [4, 0], [2.5], ["4"], [True], [None], [HUGE], [[4]], [1] * 100)
    ),
    *(
        Hostile(f"{field} {value!r}", net(layer(units=3), **{field: value}), f"{field} of an input")
        for field, value in [
            ("name", 5), ("name", None), ("columns", "ab"), ("columns", [1]), ("steps", 1), ("steps", "x"),
            ("tokens", -1), ("tokens", 2.5), ("tokens", True), ("tokens", HUGE),
        ]
    ),
    Hostile(
        "tokens above those of the table",
        net(layer("layers.embedding.v1", vocabulary=9, units=2), layer("layers.flatten.v1"), tokens=10),
        "tokens",
    ),
    Hostile(
        "a table without tokens",
        net(layer("layers.embedding.v1", vocabulary=9, units=2), layer("layers.flatten.v1"), tokens=0),
        "tokens",
    ),
    Hostile("an image of any size", net(layer("layers.zero_padding2d.v1", padding=HUGE), shape=[2, 2, 1]), "damaged"),
    Hostile("a loss that is a number", net(layer(units=3), loss=5), "losses"),
    Hostile("a loss that is null", net(layer(units=3), loss=None), "losses"),
    Hostile("a layer that is a list", net([1]), "layers"),
    Hostile("a layer that is nested", net(nested(300)), "layers"),
    Hostile("units that are text", net(layer(units="x")), "damaged"),
    Hostile("units that are nested", net(layer(units=nested(300))), "damaged"),
    Hostile("units below none", net(layer(units=-HUGE)), "units"),
    Hostile("a version of digits", net(layer("layers.dense.v" + "9" * 5000, units=3)), "damaged"),
]  # fmt: skip

SUMMARY = {"history": [], "ranks": [], "jobs": 1, "steps": 1, "seconds": 1.0, "bestEpoch": None, "syncEvery": 1}
SIZES = [
    Hostile("units of 1e13", net(layer(units=HUGE)), "numbers per row"),
    Hostile("units of 2e9", net(layer(units=2 * 10**9)), "bytes"),
    Hostile("units of 1e8", net(layer(units=10**8)), "bytes"),
    Hostile("units of 1e13 in blocks", net(layer(units=10**9)) | {"blocks": [{}, {}]}, "bytes"),
    Hostile("a table of 1e13", net(layer("layers.embedding.v1", vocabulary=10**9, units=HUGE), tokens=9), "damaged"),
    Hostile("one unit more", net(layer(units=5, activation="relu"), layer(units=4)), "cut differently"),
    Hostile("20,000 layers", net(*([layer(units=64)] * 20_000)), "bytes"),
    Hostile("20,000 blocks", {"blocks": [{}] * 20_000}, "blocks"),
    Hostile("4,096 blocks", {"blocks": [{}] * 4096}, "cut differently"),
    Hostile("no blocks", {"blocks": []}, "blocks"),
    Hostile("blocks that are text", {"blocks": "xx"}, "blocks"),
    Hostile("blocks that are numbers", {"blocks": [1]}, "cut differently"),
    Hostile("blocks that are a number", {"blocks": 7}, "blocks"),
    *(Hostile(f"format {form!r}", {"format": form}, "format") for form in (None, "3", [3], True, 0, 4, float("nan"))),
    Hostile("a summary that is a list", {"summary": []}, "summary"),
    Hostile("a summary without fields", {"summary": {}}, "summary"),
    *(
        Hostile(f"a summary's {name} {value!r}", {"summary": SUMMARY | {name: value}}, f"summary is damaged: {name}")
        for name, value in (
            ("history", [1]),
            ("history", [{"loss": "x"}]),
            ("ranks", [{}]),
            ("jobs", -1),
            ("seconds", "1"),
            ("bestEpoch", 1.5),
            ("initialWeights", "ab"),
            ("ranks", "x"),
            ("steps", True),
        )
    ),
    Hostile("data beside the model", {"data": "../../other/data"}, "data must be"),
    Hostile("data that is a list", {"data": ["data"]}, "data must be"),
    Hostile("data that is not there", {"data": "data-abc"}, "bytes"),
    *(
        Hostile(f"thresholds {value}", {"paramMap": {"thresholds": value}}, "thresholds")
        for value in ([1.0], [0.0, 0.0, 1.0], [1.0, -1.0, 1.0], [float("nan")] * 3)
    ),
]
