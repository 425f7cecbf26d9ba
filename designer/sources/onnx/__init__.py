"""An ONNX file as a design: read as data, never executed."""
