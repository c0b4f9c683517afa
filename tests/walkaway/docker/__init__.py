"""The Docker environment of this repository: Compose file, image, services, the engine of CI."""
