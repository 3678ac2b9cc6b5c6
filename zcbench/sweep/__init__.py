"""One scenario over several values of its keys, and the pool size that follows."""
