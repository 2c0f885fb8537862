"""What a comparison leaves: read, tested, put into tables and words."""
