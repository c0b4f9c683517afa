"""The leak check: the test that leaves something behind is named, not the one that suffers.

What can be left are kinds, a module each; the resources' own, rows and keys, are in their rooms.
"""
