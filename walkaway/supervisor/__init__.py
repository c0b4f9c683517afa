"""The supervisor: the small process that outlives the starter and owns one run.

Standard library only, started by `python -I -S`, at most 20 MB for any run. Work that needs memory
(the ledger, the tree's fingerprint) happens in child processes. What it imports must stay light: a
test lists the folders and names the modules that are too heavy (`test_small.py`).
"""
