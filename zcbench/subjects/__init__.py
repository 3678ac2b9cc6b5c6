"""What can be tested: the engine and its worker."""
