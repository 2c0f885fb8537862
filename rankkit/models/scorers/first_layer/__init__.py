"""The first layer of a scorer over bins, without their encoding: compiled loops, and tensor code for devices."""
