"""Tests of pure code: no service, no network, no disk."""
