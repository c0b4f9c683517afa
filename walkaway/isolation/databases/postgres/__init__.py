"""Databases on a Postgres server, 13 or newer, through psycopg 3."""
