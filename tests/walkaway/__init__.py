"""The collection's own tests. They need nothing of the platform's, and nothing needs them."""
