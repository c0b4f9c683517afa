"""Tests of what runs inside the tested project."""
