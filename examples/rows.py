"""Digits read row by row: a recurrent network sees an image as a sequence of its rows.

python examples/rows.py                         # scikit-learn's digits: 8 rows of 8
python examples/rows.py --data DIR --layer simple_rnn   # MNIST's files: 28 rows of 28
"""

from __future__ import annotations

from example_data import arguments, digits, mnist, pictures, result, session

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import GRU, LSTM, Dense, Rescaling, SimpleRNN

LAYERS = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN}


def main() -> None:
    parser = arguments(__doc__, "a folder with MNIST's idx files")
    parser.add_argument("--layer", choices=LAYERS, default="lstm")
    options = parser.parse_args()
    spark = session("rows")
    images, labels, test_images, test_labels = mnist(options.data) if options.data else digits()
    train, test = pictures(spark, images, labels), pictures(spark, test_images, test_labels)
    net = DeepNetEstimator(
        layers=[Rescaling(1 / 255), LAYERS[options.layer](128), Dense(10, "softmax")],
        inputShape=list(images.shape[1:]),
        featuresCol="image",
        learningRate=0.003 if options.layer != "simple_rnn" else 0.001,
        schedule="cosine",
        clipNorm=1.0,
        maxIter=options.epochs or (4 if options.data else 30),
        batchSize=128 if options.data else 32,
        numTrainWorkers=2,
        showProgress=True,
    )
    print(f"{options.layer}: {result(net.fit(train), test)}")
    spark.stop()


if __name__ == "__main__":
    main()
