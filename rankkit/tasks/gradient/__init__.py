"""What a training by gradients is given, whatever it trains: work, settings, objectives, methods, devices."""
