"""The way in: who asks, how often, and which service answers."""
