"""Upkeep: rotation of records and locks of requirements. Must not know Invoke."""
