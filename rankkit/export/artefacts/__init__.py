"""Artefacts: what lies in one, where it goes, and whether it gives what the model gives."""
