"""The capture engine: packets that are handed over without copying, and the pool they come from."""
