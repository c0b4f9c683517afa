"""Docker Compose environments of a checkout: image, services, slots and leases, doctor."""
