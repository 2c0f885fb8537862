"""Targets that run a model as it is: ONNX, torch, numpy, and the servers of these."""
