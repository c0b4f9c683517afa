"""Large foreign suites, recorded against bare: opt-in (`-m soak`), needs a package index."""
