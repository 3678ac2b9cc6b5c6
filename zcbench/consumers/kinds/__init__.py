"""The consumers that come with zcbench: one file each, called as the consumer is."""
