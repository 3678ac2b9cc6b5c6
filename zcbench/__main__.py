"""``python -m zcbench``."""

from zcbench.cli import main

main()
