"""Docker Compose environments of a checkout: images, services, slots, leases and their removal."""
