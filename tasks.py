"""This repository's tasks: the whole collection."""

from walkaway import ns

__all__ = ["ns"]
