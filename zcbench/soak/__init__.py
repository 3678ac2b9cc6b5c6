"""Running: the subject in its own process, and the supervisor that watches it."""
