"""Caffe: nets (prototxt) and weights (caffemodel) as layers and weights of this package."""

from spark_deepnet.formats.caffe.read import read

__all__ = ["read"]
