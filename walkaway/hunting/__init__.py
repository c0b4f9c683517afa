"""The hunt for flaky tests: its record, its status, and the driver that outlives the starter.

A hunt only starts runs and reads their records. Must not import Invoke.
"""
