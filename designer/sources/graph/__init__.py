"""A traced network as calls of blocks: what the importers of ONNX and of callables build, and assemble to a design."""
