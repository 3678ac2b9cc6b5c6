"""The consumers that come with zcbench: one file each, called as the consumer is."""

# As they are listed, the simplest first; one that is not named here comes after them.
ORDER = ("immediate", "hold", "cycle", "slow", "burst", "copy")
