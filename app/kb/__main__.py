"""`python -m app.kb`."""

from app.serving import main

main("kb")
