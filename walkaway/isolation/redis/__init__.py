"""Redis inside the tests: a database number a worker, an empty one for every test."""
