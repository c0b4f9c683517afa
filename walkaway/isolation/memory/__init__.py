"""Memory of tests: measure what each one takes, limit it, and release large objects."""
