"""The leak check: blame the test that leaves something behind, not the one that suffers from it.

Each kind of leftover has a module here, except rows and keys: their watches are beside the fixtures
of databases and Redis.
"""
