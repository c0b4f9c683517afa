"""The supervisor: the small process that outlives the starter and owns one run.

Standard library only, started by `python -I -S`, at most 20 MB for any run. Work that needs memory
(the ledger, the tree's fingerprint) happens in child processes. Of walkaway.model it imports
the kinds of events, and pass_setup through the backends; it must not import .views or .tasks.
"""
