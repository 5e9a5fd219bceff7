"""Networks: named nodes and edges, their weights in one flat vector, their forward and backward passes."""

from spark_deepnet.net.handles import layers_of
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout

__all__ = ["Layout", "Net", "Node", "Runner", "layers_of"]
