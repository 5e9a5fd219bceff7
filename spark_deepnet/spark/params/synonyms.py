"""What other libraries call our Params: an unknown name is answered with ours."""

from __future__ import annotations

LAYERS = "'layers', where the network's layers say it"
CLASS_WEIGHTS = "'classWeights', 'balanced' or one weight per class"
ROW_WEIGHTS = "'weightCol', a column of row weights"
VALIDATION = "'validationIndicatorCol', a boolean column that marks the validation rows"

SYNONYMS = {
    # Keras
    "epochs": "'maxIter'",
    "optimizer": "'solver'",
    "lr": "'learningRate'",
    "learning_rate": "'learningRate', or 'schedule' for how it changes",
    "learning_rate_schedule": "'schedule'",
    "activation": LAYERS,
    "dropout": LAYERS,
    "units": LAYERS,
    "initial_epoch": "'checkpointDir', from which an interrupted fit resumes",
    "callbacks": "'patience' for early stopping, 'checkpointDir' for checkpoints, 'schedule' for the learning rate, or "
    "setCallbacks([...]) for your own",
    "validation_split": VALIDATION,
    "validation_data": VALIDATION,
    "class_weight": CLASS_WEIGHTS,
    "sample_weight": ROW_WEIGHTS,
    "verbose": "'showProgress'",
    "global_clipnorm": "'clipNorm'",
    "min_delta": "'tol'",
    # scikit-learn
    "hidden_layer_sizes": "'layers', with inputs and outputs, as in [784, 128, 10]",
    "learning_rate_init": "'learningRate'",
    "alpha": "'regParam'",
    "l1_ratio": "'elasticNetParam'",
    "random_state": "'seed'",
    "early_stopping": "'patience', with 'validationIndicatorCol'",
    "validation_fraction": VALIDATION,
    "n_iter_no_change": "'patience'",
    "nesterovs_momentum": "'solver', as in solver='nesterov'",
    "n_jobs": "'numTrainWorkers'",
    # PyTorch and Lightning
    "criterion": "'loss'",
    "weight_decay": "'regParam', or solver=AdamW(...)",
    "lr_scheduler": "'schedule'",
    "max_epochs": "'maxIter'",
    "num_epochs": "'maxIter'",
    "gradient_clip_val": "'clipNorm'",
    "num_workers": "'numTrainWorkers'",
    "num_processes": "'numTrainWorkers'",
    # Spark: MLlib, xgboost.spark, TorchDistributor
    "step_size": "'learningRate'",
    "block_size": "'batchSize'",
    "feature_cols": "'featuresCols'",
    "input_cols": "'featuresCols'",
    "input_col": "'featuresCol'",
    "output_col": "'predictionCol'",
    "initial_weights": "'layers', of which each takes an initializer",
}
"""In snake_case; camelCase is found alike."""
