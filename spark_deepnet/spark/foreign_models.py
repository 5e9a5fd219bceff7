"""The doors between a DeepNetModel and the files of other frameworks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from spark_deepnet.formats import caffe
from spark_deepnet.formats.arguments import path_of
from spark_deepnet.formats.given import given_network
from spark_deepnet.formats.onnx.read import read as read_onnx
from spark_deepnet.formats.onnx.write import write as write_onnx
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.score.values import LayerValue, Wanted
from spark_deepnet.spark.foreign import architecture_and_weights
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import param_or_none


class ForeignModels(DeepNetParams):
    """What DeepNetModel has for models of Caffe, ONNX, Keras and PyTorch."""

    architecture: Architecture

    def _flat(self, what: str) -> np.ndarray:
        raise NotImplementedError  # DeepNetModel's, as the next

    def check_thresholds(self) -> None:
        raise NotImplementedError

    def _layer_values(self) -> dict[str, LayerValue]:
        raise NotImplementedError

    @classmethod
    def fromCaffe(
        cls,
        net: str | os.PathLike[str],
        weights: str | os.PathLike[str],
        mean: Any = None,
        channelOrder: str = "bgr",
        outputs: Sequence[str] | None = None,
        scale: float = 1.0,
        inputShape: Sequence[int] | None = None,
        skip: Sequence[str] = (),
    ) -> Self:
        """The model of a Caffe net (a prototxt) and its weights (a caffemodel), both on the driver's disk.

        Rows are (height, width, channels), as everywhere here. mean: what is subtracted first, the path of a binaryproto,
        a number a channel, or an array (channels, height, width); scale: a factor behind it. channelOrder: the order of
        the channels that the net was trained on, "bgr" or "rgb": Spark's images are turned accordingly, arrays are taken
        as they are. outputs: the blobs that are wanted; what they do not need is not looked at. inputShape: (height,
        width, channels), where the net does not say. skip: layers whose weights the file has not, or of another shape.

        FormatError, with file, layer and type, for whatever cannot be read. docs/formats.md lists what is."""
        foreign = caffe.read(
            net,
            path_of(weights, "a caffemodel, the weights of the net,"),
            mean=mean,
            scale=scale,
            channel_order=channelOrder,
            input_shape=inputShape,
            outputs=outputs,
            skip=skip,
            vectors=True,
        )
        return cls(*architecture_and_weights(foreign), None, foreign.file_values())

    @classmethod
    def fromOnnx(
        cls,
        net: str | os.PathLike[str],
        inputShape: Any = None,
        constants: Mapping[str, Any] | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Self:
        """The model of an ONNX file on the driver's disk.

        The first axis of the graph's inputs is that of rows. Images are (height, width, channels), as everywhere here,
        and sequences (steps, channels) where the graph has their channels first. inputShape: the sizes of such a row,
        where the file does not say; {name: sizes} for several inputs, each of which reads the column of its name.
        constants: arrays for inputs of the graph that are none of the rows'. outputs: names of the values that are wanted;
        what they do not need is not looked at.

        FormatError, with file, node and operator, for whatever cannot be read. docs/formats.md lists what is."""
        foreign = read_onnx(net, inputShape, constants, outputs, vectors=True)
        return cls(*architecture_and_weights(foreign), None, foreign.file_values())

    @classmethod
    def fromWeights(
        cls,
        layers: Any,
        inputShape: Sequence[int] | Mapping[str, Sequence[int]] | None,
        weights: Mapping[str, Any],
        loss: Any = None,
    ) -> Self:
        """The model of layers and all of their weights, "layer/weight" -> array, such as ``formats.keras.weights`` and
        ``formats.torch.weights`` return.

        layers: as DeepNetEstimator takes them. inputShape: the shape of a row, (height, width, channels) for images and
        (steps, features) for sequences, with the steps of the longest; of several inputs a mapping from their names. loss:
        of outputs that have none of their own, which says what is predicted; None: the one whose link the last layer is
        (softmax, sigmoid, exponential), else squared.

        FormatError with all arrays that are missing, misshapen or of no layer."""
        return cls(*architecture_and_weights(given_network(layers, inputShape, weights, loss)))

    def toOnnx(self, path: str | os.PathLike[str], opset: int = 17) -> None:
        """Write the network as an ONNX file on the driver's disk, whole or not at all.

        Its inputs have the names and the shapes of this network's, (N, height, width, channels) for images, and N rows of
        any number; for sequences there is an input ``lengths`` (N,) beside them, and rows are padded to the longest row of
        training. Its outputs are rawPrediction, probability and prediction, as far as the loss gives them; those of
        further outputs have their names behind: ``prediction_age``. The values of outputLayers are outputs with the names of
        outputCols and the axes of the layers, (N, height, width, channels) for images. handleInvalid and the order of
        channels of Spark's images are not in the file. docs/formats.md has more.

        FormatError, with the layer and its kind, if one cannot be written; SizeError where weights stay on storage."""
        flat = self._flat("toOnnx")
        self.check_thresholds()
        values = {column: value.node for column, value in self._layer_values().items()}
        wanted = Wanted(self.architecture, scores=True, nodes=tuple(values.values()))
        net = wanted.net()
        write_onnx(
            path,
            net,
            wanted.packed(net, flat),
            values=values,
            heads=self.architecture.heads(),
            sequences=[entry.name for entry in self.architecture.entries if entry.steps],
            thresholds=param_or_none(self, "thresholds"),
            opset=opset,
        )
