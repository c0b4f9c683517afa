"""Files that a project needs to use walkaway as a library; `init` shows and writes them."""
