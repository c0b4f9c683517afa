"""Conversations of users, and the replies of a very simple partner."""
