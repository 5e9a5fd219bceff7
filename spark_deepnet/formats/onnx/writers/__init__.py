"""Layers as operators of ONNX: a file a layer, or a few that are alike."""
