"""rankkit: learning to rank on PyTorch."""
