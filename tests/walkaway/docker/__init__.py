"""The Docker environment of this repository: Compose file, image, stubs, the engine of CI."""
