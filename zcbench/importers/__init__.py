"""Foreign formats, each made into a record."""
