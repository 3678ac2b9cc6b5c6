"""What a program's allocator has live, counted by a meter that is preloaded into it."""
