"""Pages for people: HTML from the server, no script. Asks the gateway and nobody else."""
