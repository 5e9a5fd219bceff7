"""Caffe files that cannot be read, and what the error says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.formats.caffe_files import caffemodel, input_text, layer_text

INPUT = input_text((1, 3, 8, 8))
CONV = layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
GOOD = caffemodel({"y": [np.zeros((4, 3, 3, 3)), np.zeros(4)]})
DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } %s }\n'


@dataclass(frozen=True)
class BadFile:
    """A net and weights of which one is wrong."""

    name: str
    says: str
    """A pattern of the error."""
    net: str | bytes = INPUT + CONV
    weights: bytes = GOOD
    options: dict[str, Any] = field(default_factory=dict)
    files: Callable[[Path], None] | None = None


def conv(options: str) -> str:
    return INPUT + layer_text("Convolution", f"convolution_param {{ num_output: 4 {options} }}")


def on_image(kind: str, options: str = "", bottom: str = "data", top: str = "y") -> str:
    return INPUT + layer_text(kind, options, bottom, top)


def net_is_a_folder(folder: Path) -> None:
    (folder / "net.prototxt").unlink()
    (folder / "net.prototxt").mkdir()


NETS = [
    BadFile("unknown type", r"layer 'y' \(Convolutoin\): there is no type.*'Convolution'", on_image("Convolutoin")),
    BadFile("type in capitals", r"there is no type 'SOFTMAX'.*'Softmax'", on_image("SOFTMAX")),
    BadFile(
        "type of a fork with a field of its own",
        r"line 2, column \d+: LayerParameter has no field 'reorg_param'; layer 'y' \(Reorg\): there is no type.*outputs=",
        on_image("Reorg", "reorg_param { stride: 2 }"),
    ),
    BadFile(
        "V1 type in a layer of today",
        r"line 2, column \d+: expected a text in quotes, as \"TANH\", found TANH",
        on_image("TanH").replace('"TanH"', "TANH"),
    ),
    BadFile(
        "type of today in a V1 layer",
        r"column \d+: type has no value 'ReLu'; did you mean 'RELU'\?",
        'layers { name: "a" type: "ReLu" }',
    ),
    BadFile("value of an option", r"pool has no value 'MEAN'", on_image("Pooling", "pooling_param { pool: MEAN }")),
    BadFile("blocks in blocks", r"nested too deeply", INPUT + "layer { " * 2000 + "}" * 2000),
    BadFile("Python", r"layer 'y' \(Python\): the type is not read: its code", on_image("Python")),
    BadFile("ArgMax", r"layer 'y' \(ArgMax\): .*outputs=", on_image("ArgMax")),
    BadFile("detection", r"layer 'y' \(DetectionOutput\): .*detection", on_image("DetectionOutput")),
    BadFile("V0", r"V0.*upgrade_net_proto_text", 'layers { layer { name: "c" type: "conv" } bottom: "a" top: "b" }'),
    BadFile("V1 and today's", r"both 'layer' and 'layers'", INPUT + 'layers { name: "a" type: RELU }'),
    BadFile(
        "unknown field",
        r"line 2, column \d+: ConvolutionParameter has no field 'num_outputs'.*'num_output'",
        INPUT + layer_text("Convolution", "convolution_param { num_outputs: 4 }"),
    ),
    BadFile(
        "unknown field of the net",
        r"line 1, column 1: NetParameter has no field 'nane'.*'name'",
        'nane: "a"\n' + INPUT + CONV,
    ),
    BadFile("wrong bracket", r"line 2, column \d+: ", INPUT + CONV.replace("}", "]", 1)),
    BadFile("bracket missing", r"line \d+, column \d+: ", INPUT + CONV.rstrip()[:-1]),
    BadFile("word for a number", r"line 2, column \d+: ", conv("kernel_size: three")),
    BadFile("number below 0", r"line 2, column \d+: ", conv("kernel_size: -3")),
    BadFile("no kernel", r"layer 'y' \(Convolution\): kernel_size has 0 numbers", conv("")),
    BadFile("three axes", r"kernel_size has 3 numbers", conv("kernel_size: 3 kernel_size: 3 kernel_size: 3")),
    BadFile("stride 0", r"stride must be at least 1", conv("kernel_size: 3 stride: 0")),
    BadFile("kernel too large", r"layer 'y' \(Convolution\): .*no window of 9 x 9", conv("kernel_size: 9")),
    BadFile("kernel of 10^9", r"above the limit", conv("kernel_size: 1000000000")),
    BadFile("filters 0", r"layer 'y' \(Convolution\): .*filters must be", INPUT + CONV.replace("num_output: 4", "")),
    BadFile("groups", r"groups", conv("kernel_size: 3 group: 2")),
    BadFile("axis of a convolution", r"axis must be 1", conv("kernel_size: 3 axis: 2")),
    BadFile("convolution of a vector", r"takes rows of \(channels, height, width\)", input_text((1, 5)) + CONV),
    BadFile(
        "stochastic pooling", r"STOCHASTIC", on_image("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }")
    ),
    BadFile(
        "window outside",
        r"begin outside an axis of 8",
        on_image("Pooling", "pooling_param { kernel_size: 1 stride: 5 }"),
    ),
    BadFile(
        "global pooling with a kernel",
        r"global_pooling goes with",
        on_image("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }"),
    ),
    BadFile(
        "option not supported",
        r"dropout_param has scale_train: False",
        on_image("Dropout", "dropout_param { scale_train: false }"),
    ),
    BadFile(
        "reshape of rows",
        r"changes the axis of rows.*\(1\)",
        on_image("Reshape", "reshape_param { shape { dim: 3 dim: -1 } }"),
    ),
    BadFile(
        "reshape to other sizes",
        r"layer 'y' \(Reshape\): .*do not fill",
        on_image("Reshape", "reshape_param { shape { dim: 0 dim: 7 } }"),
    ),
    BadFile("permute of rows", r"the rows' 0 first", on_image("Permute", "permute_param { order: 1 order: 0 }")),
    BadFile("axis of rows", r"axis 0 is not an axis", on_image("Softmax", "softmax_param { axis: 0 }")),
    BadFile("axis too large", r"axis 7 is not an axis", on_image("Softmax", "softmax_param { axis: 7 }")),
    BadFile(
        "slice_point", r"slice_point must be 1 growing", on_image("Slice", "slice_param { slice_point: 9 }", top="a b")
    ),
    BadFile("number of tops", r"it has 2 tops, expected 1", on_image("ReLU", top="a b")),
    BadFile("number of bottoms", r"reads 1 blobs, of which at least 2", on_image("Eltwise")),
    BadFile(
        "other shapes",
        r"shapes \(3, 8, 8\), \(3, 4, 4\)",
        INPUT
        + layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", top="p")
        + layer_text("Eltwise", "", "data p"),
    ),
    BadFile("coeff", r"coeff needs the operation SUM", on_image("Eltwise", "eltwise_param { coeff: 1 }", "data data")),
    BadFile(
        "bottom that no layer makes", r"layer 'y' \(ReLU\): it reads 'dato'.*'data'", on_image("ReLU", bottom="dato")
    ),
    BadFile(
        "top made twice",
        r"layer 'z' \(TanH\): it makes 'y', which layer 'y' makes too",
        on_image("ReLU") + layer_text("TanH", name="z"),
    ),
    BadFile(
        "no layer in this phase", r"no layer is left in phase 'test'", layer_text("ReLU", "include { phase: TRAIN }")
    ),
    BadFile(
        "include and exclude",
        r"both include and exclude",
        on_image("ReLU", "include { phase: TEST } exclude { phase: TRAIN }"),
    ),
    BadFile(
        "mean_file",
        r"mean_file is 'm.binaryproto'.*give mean=",
        DATA % 'transform_param { mean_file: "m.binaryproto" }' + CONV,
    ),
    BadFile("no size of images", r"give inputShape=", DATA % "" + CONV),
    BadFile("input without sizes", r"1 inputs and 0", 'input: "data"\n' + CONV),
    BadFile(
        "sizes of another input",
        r"3 sizes in input_dim",
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 8\n' + CONV,
    ),
    BadFile("input of size 0", r"its rows have the shape \(3, 0, 8\)", input_text((1, 3, 0, 8)) + CONV),
    BadFile("input of 10^12", r"its rows have the shape", input_text((1, 3, 10**6, 10**6)) + CONV),
    BadFile("rows of 10^12", r"would have", on_image("InnerProduct", "inner_product_param { num_output: 4000000000 }")),
    BadFile("unknown output", r"outputs: there is no 'yy'.*'y'", options={"outputs": ["yy"]}),
    BadFile("input as an output", r"outputs: 'data' is an input", options={"outputs": ["data"]}),
    BadFile("outputs as a text", r"outputs must be a list", options={"outputs": "y"}),
    BadFile("channel order", r"channelOrder must be 'bgr' or 'rgb'", options={"channel_order": "rbg"}),
    BadFile("mean of other channels", r"the mean has 2 numbers, the images have 3", options={"mean": [1, 2]}),
    BadFile(
        "mean image of another size",
        r"the mean image is \(3, 9, 9\), the net's images are \(3, 8, 8\)",
        options={"mean": np.zeros((3, 9, 9))},
    ),
    BadFile(
        "shared in part",
        r"shares some of its blobs",
        INPUT
        + layer_text("Convolution", 'param { name: "w" } convolution_param { num_output: 3 kernel_size: 1 }', top="a")
        + layer_text("Convolution", 'param { name: "w" } convolution_param { num_output: 3 kernel_size: 1 }', "a"),
    ),
    BadFile(
        "layer reads a loss",
        r"layer 'l' \(SoftmaxWithLoss\): another layer reads",
        DATA % "" + layer_text("SoftmaxWithLoss", "", "data label", "l") + layer_text("ReLU", "", "l"),
        options={"outputs": ["y"], "input_shape": (5,)},
    ),
    BadFile(
        "loss of places",
        r"its scores have the shape \(3, 8, 8\)",
        DATA % "" + layer_text("SoftmaxWithLoss", "", "data label", "l"),
        options={"input_shape": (8, 8, 3)},
    ),
    BadFile(
        "normalization",
        r"NONE depends on the size of a batch",
        DATA % "" + layer_text("SoftmaxWithLoss", "loss_param { normalization: NONE }", "data label", "l"),
        options={"input_shape": (5,)},
    ),
    BadFile(
        "axis of a loss",
        r"axis must be 1, the classes, found 2",
        DATA % "" + layer_text("SoftmaxWithLoss", "softmax_param { axis: 2 }", "data label", "l"),
        options={"input_shape": (5,)},
    ),
    BadFile(
        "loss_weight of another layer",
        r"loss_weight of a layer that is no loss",
        on_image("ReLU", "loss_weight: 1"),
        options={"phase": "train"},
    ),
    BadFile(
        "propagate_down",
        r"propagate_down: false is not supported",
        on_image("ReLU", "propagate_down: false"),
        options={"phase": "train"},
    ),
    BadFile(
        "ContrastiveLoss",
        r"layer 'l' \(ContrastiveLoss\): the type is not read",
        DATA % "" + layer_text("ContrastiveLoss", "", "data data label", "l"),
        options={"input_shape": (5,)},
    ),
    BadFile("no output", r"no layer whose values could be an output", INPUT),
    BadFile(
        "filler", r"filler 'xavir' is not supported.*xavier", conv('kernel_size: 3 weight_filler { type: "xavir" }')
    ),
]

FILES = [
    BadFile("empty net", r"found a file that is empty", ""),
    BadFile("empty weights", r"found a file that is empty", weights=b""),
    BadFile("net is HTML", r"HTML", "<!DOCTYPE html><html></html>"),
    BadFile("weights are HTML", r"HTML", weights=b"\n<html><body>404</body></html>"),
    BadFile(
        "weights are a git-lfs pointer", r"git-lfs pointer", weights=b"version https://git-lfs.github.com/spec/v1\n"
    ),
    BadFile("weights are a pickle", r"pickle.*safetensors", weights=b"\x80\x04\x95abc"),
    BadFile("weights are ONNX", r"that is ONNX", weights=b"\x08\x07\x12\x07pytorch"),
    BadFile("weights are HDF5", r"that is HDF5", weights=b"\x89HDF\r\n\x1a\n" + bytes(20)),
    BadFile("weights are safetensors", r"safetensors", weights=(30).to_bytes(8, "little") + b'{"a":{}}'),
    BadFile("weights are a text", r"damaged or something else.*looks like text", weights=(INPUT + CONV).encode()),
    BadFile("weights are truncated", r"damaged or something else", weights=GOOD[:-7]),
    BadFile("net is binary", r"binary file", GOOD),
    BadFile("net is large and binary", r"found a binary file; weights are given", b"\x0a\x03net\x00" + bytes(2 << 20)),
    BadFile(
        "net is a solver",
        r"line 1, column 1: expected a net's prototxt, .* field 'base_lr', .* a solver's",
        "base_lr: 1",
    ),
    BadFile("net is no text", r"not UTF-8", b'name: "\xff\xfe"'),
    BadFile("net above 1 MiB", r"1\.\d MiB; the limit is 1 MiB", "# comment\n" * 120_000),
    BadFile("net without layers", r"has no layers", 'name: "a"'),
    BadFile("10,001 layers", r"10001 layers; the limit", "layer { }\n" * 10_001),
    BadFile(
        "weights of another net",
        r"'y' \(Convolution\) needs \(4, 3, 3, 3\) and \(4,\), the file has \(4, 1, 3, 3\) and \(4,\)",
        weights=caffemodel({"y": [np.zeros((4, 1, 3, 3)), np.zeros(4)]}),
    ),
    BadFile(
        "weights missing and extra",
        r"'y' .*the file has none; 'z' is in the file alone; skip=",
        weights=caffemodel({"z": [np.zeros(3)]}),
    ),
    BadFile(
        "one blob missing", r"the file has \(4, 3, 3, 3\); skip=", weights=caffemodel({"y": [np.zeros((4, 3, 3, 3))]})
    ),
    BadFile("skip of an unknown layer", r"skip: neither.*'x'.*", options={"skip": ["x"]}),
    BadFile("no such file", r"cannot be read: No such file", files=lambda folder: (folder / "net.caffemodel").unlink()),
    BadFile(
        "a folder",
        r"cannot be read: Is a directory",
        files=net_is_a_folder,
    ),
]
