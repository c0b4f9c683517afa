"""Memory of the tests: how much each took, a limit for one, and large objects let go of."""
