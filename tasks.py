"""This repository's tasks: the complete collection."""

from walkaway import ns

__all__ = ["ns"]
