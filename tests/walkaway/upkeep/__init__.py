"""Rotation of records, and locks of requirements."""
