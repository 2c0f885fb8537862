"""Commands that use what is trained."""
