"""PyTorch: weights of .safetensors files for given layers."""

from spark_deepnet.formats.torch.weights import weights

__all__ = ["weights"]
