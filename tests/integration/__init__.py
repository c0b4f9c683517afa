"""Tests against running services: through the gateway, and each service by itself.

They share one environment, with each other and with other workers: every test makes its own
users and names, and none counts what all of them made.
"""
