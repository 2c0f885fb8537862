"""The cache: ranking data as a folder of memory-mapped arrays."""
