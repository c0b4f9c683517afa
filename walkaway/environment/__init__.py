"""Docker Compose environments of a checkout: images, services, slots, leases and their removal.

Must not know Invoke, backends, or how a run is started and supervised.
"""
