"""What a comparison can fit: systems that rankkit trains, and external ones."""
