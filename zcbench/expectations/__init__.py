"""The language of expectations."""
