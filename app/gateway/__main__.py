"""`python -m app.gateway`."""

from app.serving import main

main("gateway")
