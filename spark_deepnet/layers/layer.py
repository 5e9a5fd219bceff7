"""What the file of a layer imports: the base classes and what their methods take and return.

The contract of a layer is in ``_contract.py``, that of activations in ``_activation.py``; ``_weight.py``, ``_call.py`` and
``_splitting.py`` hold what goes in and out."""

from spark_deepnet.layers._activation import Activation, apart
from spark_deepnet.layers._arrays import Arrays, Shape, rows_of
from spark_deepnet.layers._call import Call
from spark_deepnet.layers._contract import Layer, Piece
from spark_deepnet.layers._splitting import Blocks, Exchange, share_of
from spark_deepnet.layers._stepwise import StepwiseLayer
from spark_deepnet.layers._weight import Part, Weight

__all__ = [
    "Activation",
    "Arrays",
    "Blocks",
    "Call",
    "Exchange",
    "Layer",
    "Part",
    "Piece",
    "Shape",
    "StepwiseLayer",
    "Weight",
    "apart",
    "rows_of",
    "share_of",
]
