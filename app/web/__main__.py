"""`python -m app.web`."""

from app.serving import main

main("web")
