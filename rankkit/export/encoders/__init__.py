"""Encoders, and any other module of torch from inputs to outputs, on their way out."""
