"""Processes of this machine: process table and trees, children, locks, clock. Knows no runs."""
