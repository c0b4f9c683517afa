"""The hunt for flaky tests: its record, its driver that outlives the starter, looks at it.

Knows runs from outside, as their starter and reader; knows nothing of Invoke.
"""
