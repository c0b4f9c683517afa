"""Tests of the recorder, which runs inside the tested project."""
