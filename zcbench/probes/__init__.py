"""How a subject is read: its processes, its allocator, what it publishes."""
