"""What a stream is where nothing else is said: 480 frames of 2 channels at 48 kHz, 100 packets a second."""

RATE = 48_000  # frames a second
FRAMES = 480  # a packet
CHANNELS = 2
