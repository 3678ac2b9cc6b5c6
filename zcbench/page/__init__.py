"""The shared page of counters and histograms."""
