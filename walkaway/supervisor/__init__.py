"""The small process that outlives the starter and owns one run.

Stdlib only, started by `python -I -S`, at most 20 MB for any run: what needs memory (the ledger,
the tree's fingerprint) happens in children. It must not import walkaway.model, .views or .tasks.
"""
