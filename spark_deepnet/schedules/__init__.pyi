"""Made by `make docs` from the files of this folder."""

from spark_deepnet.schedules.constant import Constant as Constant
from spark_deepnet.schedules.cosine import Cosine as Cosine
from spark_deepnet.schedules.exponential import Exponential as Exponential
from spark_deepnet.schedules.inverse import Inverse as Inverse
from spark_deepnet.schedules.multistep import Multistep as Multistep
from spark_deepnet.schedules.one_cycle import OneCycle as OneCycle
from spark_deepnet.schedules.polynomial import Polynomial as Polynomial
from spark_deepnet.schedules.schedule import Schedule as Schedule
from spark_deepnet.schedules.sigmoid import Sigmoid as Sigmoid
from spark_deepnet.schedules.step import Step as Step
from spark_deepnet.schedules.warmup import Warmup as Warmup
from spark_deepnet.schedules.warmup_stable_decay import WarmupStableDecay as WarmupStableDecay
