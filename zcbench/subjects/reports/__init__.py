"""Reports of sanitizers, of Valgrind and of Go's race detector, in what a subject prints."""
