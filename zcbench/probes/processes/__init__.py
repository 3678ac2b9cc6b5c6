"""What the subject's processes use, read from outside: memory, descriptors, threads, CPU, storage."""
