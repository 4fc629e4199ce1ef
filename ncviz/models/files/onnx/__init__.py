"""ONNX files, read from checked bytes and written back."""
