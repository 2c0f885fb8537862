"""Recommendation: logs of users and items, and models that list items for users."""
