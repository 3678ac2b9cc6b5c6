"""What a Python program finds first on its path: ``sitecustomize``, and beside it what reads from inside.

Nothing here imports zcbench: the program's Python may be another one, and has no zcbench.
"""
