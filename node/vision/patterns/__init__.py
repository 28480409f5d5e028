"""Patterns found again, turned and scaled, and whether they fix a place."""
