"""What clients send: how much of it is let in, what it has to look like, how it becomes an array."""
