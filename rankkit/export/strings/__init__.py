"""ONNX files that take the columns themselves: text, times and numbers in place of the matrix of codes."""
