"""Made by `make docs` from the files of this folder."""

from spark_deepnet.initializers.bilinear import Bilinear as Bilinear
from spark_deepnet.initializers.constant import Constant as Constant
from spark_deepnet.initializers.glorot_normal import GlorotNormal as GlorotNormal
from spark_deepnet.initializers.glorot_uniform import GlorotUniform as GlorotUniform
from spark_deepnet.initializers.he_normal import HeNormal as HeNormal
from spark_deepnet.initializers.he_uniform import HeUniform as HeUniform
from spark_deepnet.initializers.initializer import Initializer as Initializer
from spark_deepnet.initializers.normal import Normal as Normal
from spark_deepnet.initializers.orthogonal import Orthogonal as Orthogonal
from spark_deepnet.initializers.uniform import Uniform as Uniform
from spark_deepnet.initializers.variance_scaling import VarianceScaling as VarianceScaling
