"""The application under test: your code goes here."""
