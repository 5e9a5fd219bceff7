"""Made by `make docs` from the files of this folder."""

from spark_deepnet.losses.absolute import Absolute as Absolute
from spark_deepnet.losses.hinge import Hinge as Hinge
from spark_deepnet.losses.huber import Huber as Huber
from spark_deepnet.losses.loss import Loss as Loss
from spark_deepnet.losses.poisson import Poisson as Poisson
from spark_deepnet.losses.quantile import Quantile as Quantile
from spark_deepnet.losses.sigmoid_cross_entropy import SigmoidCrossEntropy as SigmoidCrossEntropy
from spark_deepnet.losses.sigmoid_focal import SigmoidFocal as SigmoidFocal
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from spark_deepnet.losses.softmax_focal import SoftmaxFocal as SoftmaxFocal
from spark_deepnet.losses.squared import Squared as Squared
