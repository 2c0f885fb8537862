"""Pointwise objectives, and others that look at documents one by one."""
