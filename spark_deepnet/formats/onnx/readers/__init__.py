"""Readers of ONNX operators, each registered by the operators that it reads."""
