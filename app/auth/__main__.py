"""`python -m app.auth`."""

from app.serving import main

main("auth")
