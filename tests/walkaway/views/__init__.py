"""What the views print: golden files, and what must hold for every line."""
