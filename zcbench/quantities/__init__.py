"""Every number that is measured or derived, and how a unit is parsed and shown."""
