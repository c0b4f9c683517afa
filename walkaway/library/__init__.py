"""What a project needs to use walkaway as a library: files that `init` shows and writes."""
