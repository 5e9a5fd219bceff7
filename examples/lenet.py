"""LeNet on handwritten digits: bytes in the DataFrame, convolutions in the network.

python examples/lenet.py                        # scikit-learn's digits of 8x8, with smaller kernels
python examples/lenet.py --data DIR             # MNIST's four idx files in DIR, gzipped or not
"""

from __future__ import annotations

from example_data import arguments, digits, mnist, pictures, result, session

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Rescaling


def lenet(kernel: int) -> list[object]:
    """LeNet as in Caffe's example (20 and 50 maps, 500 units), with kernels of this size, and with dropout."""
    return [
        Rescaling(1 / 255),
        Conv2D(20, kernel, activation="relu", initializer="he_normal"),
        MaxPool2D(2, 2),
        Conv2D(50, kernel, activation="relu", initializer="he_normal"),
        MaxPool2D(2, 2),
        Flatten(),
        Dense(500, "relu", initializer="he_normal"),
        Dropout(0.5),
        Dense(10, "softmax"),
    ]


def main() -> None:
    options = arguments(__doc__, "a folder with MNIST's idx files").parse_args()
    spark = session("lenet")
    images, labels, test_images, test_labels = mnist(options.data) if options.data else digits()
    train, test = pictures(spark, images, labels), pictures(spark, test_images, test_labels)
    net = DeepNetEstimator(
        layers=lenet(5 if options.data else 2),
        inputShape=[*images.shape[1:], 1],
        featuresCol="image",
        solver="adam",
        learningRate=0.002,
        schedule="cosine",
        maxIter=options.epochs or (3 if options.data else 40),
        batchSize=64,
        numTrainWorkers=2,
        showProgress=True,
    )
    print(result(net.fit(train), test))
    spark.stop()


if __name__ == "__main__":
    main()
