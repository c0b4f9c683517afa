"""Databases on a Postgres server, version 13 or newer, through psycopg 3."""
