"""Makes digits.caffemodel, the weights of digits.prototxt: trained on the digits 0 to 4, moved about in larger images.

python examples/caffe/make_digits.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from caffe_data import SCALE, moved_digits

from spark_deepnet.formats import caffe
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.losses import SoftmaxCrossEntropy
from spark_deepnet.net.run import Runner
from spark_deepnet.optimizers import Adam
from spark_deepnet.plan.architecture import Architecture, InputSpec

FOLDER, ROWS, EPOCHS = Path(__file__).parent, 64, 60


def trained() -> dict[str, np.ndarray]:
    """The weights by "layer/weight", as this package holds them."""
    foreign = caffe.read(FOLDER / "digits.prototxt", scale=SCALE, vectors=True)
    entries = tuple(InputSpec(shape, name) for name, shape in foreign.inputs.items())
    net = Architecture(foreign.layers, entries, foreign.loss).scores_net()
    weights = foreign.flat(net)
    runner, loss, optimizer = Runner(net, weights, ROWS), SoftmaxCrossEntropy(), Adam()
    vectors = tuple(runner.layout.zeros() for _ in optimizer.vectors)
    shares, (name,), count = np.full(ROWS, 1 / ROWS, np.float32), net.inputs, 0
    for epoch in range(EPOCHS):
        images, labels = moved_digits(range(5), seed=epoch)
        for start in range(0, len(images) - ROWS + 1, ROWS):
            batch, count = runner.batch(ROWS), count + 1
            batch.feed[name][...] = images[start : start + ROWS, ..., None]
            scores = batch.forward(True, np.uint64(count), np.arange(ROWS, dtype=np.uint64), {})
            loss.measure(scores, labels[start : start + ROWS].astype(np.int32), shares, batch.gradient)
            batch.backward()
            for stretch, decays, _ in runner.layout.runs():
                own = tuple(vector[stretch] for vector in vectors)
                optimizer.step(weights[stretch], runner.gradients[stretch], own, 0.003, count, decays)
    return runner.layout.named(weights)


def main() -> None:
    arrays, model = trained(), message("NetParameter")
    model.name = "digits"
    for name, sizes in (("conv1", ()), ("conv2", ()), ("ip", (2, 2, 24))):
        W = arrays[f"{name}/W"]
        W = (W.reshape(*sizes, W.shape[-1]) if sizes else W).transpose(3, 2, 0, 1)  # (outputs, channels, height, width)
        layer = model.layer.add()
        layer.name = name
        for array in (W.reshape(len(W), -1) if sizes else W, arrays[f"{name}/b"]):
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(array.reshape(-1).tolist())
    (FOLDER / "digits.caffemodel").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
