"""Databases that are SQLite files: templates are files too, and clones are copies."""
