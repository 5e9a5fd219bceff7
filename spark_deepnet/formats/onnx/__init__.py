"""ONNX: graphs as layers and weights of this package, and networks of this package as graphs."""
