"""`python -m app.chat`."""

from app.serving import main

main("chat")
