"""Processes on this machine: process table and trees, children, locks, clock.

Must not know runs or records.
"""
