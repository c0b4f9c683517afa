"""The platform's tests, and the collection's own under walkaway/."""
