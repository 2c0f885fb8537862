"""Models: scorers, encoders, trees."""
