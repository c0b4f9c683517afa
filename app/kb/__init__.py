"""The knowledge base: documents that are files under one folder."""
