"""Upkeep: which records go and how they are deleted; locks of requirements. Knows no Invoke."""
