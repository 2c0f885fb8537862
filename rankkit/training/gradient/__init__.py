"""Training by gradients: the loop, the learning rate, the optimizer, the watch over losses, the checkpoint."""
