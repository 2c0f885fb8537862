"""Tests of differences between systems, intervals, and the letters of their groups."""
