"""What other libraries call our members and their fields: names of members are taken, unknown fields are answered with
ours."""

from __future__ import annotations

MEMBERS = {
    "losses": {
        "mse": "squared",
        "mean_squared_error": "squared",
        "squared_error": "squared",
        "mae": "absolute",
        "mean_absolute_error": "absolute",
        "absolute_error": "absolute",
        "l1": "absolute",
        "cross_entropy": "softmax_cross_entropy",
        "log_loss": "softmax_cross_entropy",
        "categorical_crossentropy": "softmax_cross_entropy",
        "sparse_categorical_crossentropy": "softmax_cross_entropy",
        "binary_crossentropy": "sigmoid_cross_entropy",
        "categorical_focal_crossentropy": "softmax_focal",
        "binary_focal_crossentropy": "sigmoid_focal",
        "pinball": "quantile",
    },
    "optimizers": {"l-bfgs": "lbfgs"},
    "layers": {"silu": "swish", "hard_silu": "hard_swish", "logistic": "sigmoid", "identity": "linear"},
    "initializers": {
        "xavier_uniform": "glorot_uniform",
        "xavier_normal": "glorot_normal",
        "kaiming_uniform": "he_uniform",
        "kaiming_normal": "he_normal",
    },
}
"""Family -> name elsewhere -> kind; our own kinds come first."""

FIELDS = {
    # Keras
    "return_sequences": "'sequences'",
    "go_backwards": "'reverse'",
    "use_bias": "'bias'",
    "kernel_initializer": "'initializer'",
    "kernel_regularizer": "the estimator's 'regParam'",
    "dilation_rate": "'dilation'",
    "input_shape": "the estimator's 'inputShape', where the columns do not say it",
    "input_dim": "the estimator's 'inputShape', where the columns do not say it",
    "learning_rate": "the estimator's 'learningRate'",
    "clipnorm": "the estimator's 'clipNorm'",
    # PyTorch
    "lr": "the estimator's 'learningRate'",
    "weight_decay": "the estimator's 'regParam', or AdamW's own 'decay'",
    "in_features": "'units' alone: what comes in is known from the layer before",
    "in_channels": "'filters' alone: what comes in is known from the layer before",
    "out_features": "'units'",
    "out_channels": "'filters'",
    "hidden_size": "'units'",
    "stride": "'strides'",
    "bidirectional": "Bidirectional(...) around the layer",
    # Caffe
    "num_output": "'units' of Dense, 'filters' of convolutions",
    "pad": "'padding'",
}
