"""Made by `make docs` from the files of this folder."""

from spark_deepnet.optimizers.adadelta import Adadelta as Adadelta
from spark_deepnet.optimizers.adagrad import Adagrad as Adagrad
from spark_deepnet.optimizers.adam import Adam as Adam
from spark_deepnet.optimizers.adamw import AdamW as AdamW
from spark_deepnet.optimizers.lamb import Lamb as Lamb
from spark_deepnet.optimizers.lbfgs import Lbfgs as Lbfgs
from spark_deepnet.optimizers.momentum import Momentum as Momentum
from spark_deepnet.optimizers.nesterov import Nesterov as Nesterov
from spark_deepnet.optimizers.optimizer import Optimizer as Optimizer
from spark_deepnet.optimizers.rmsprop import Rmsprop as Rmsprop
from spark_deepnet.optimizers.sgd import Sgd as Sgd
