"""The one table of operators, in ONNX's names: how each becomes steps of a network, whatever file it comes from."""
