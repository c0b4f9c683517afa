"""Redis for tests: one database number per worker, emptied for every test."""
