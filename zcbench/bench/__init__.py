"""The engine against its peers: the same work for all, in turns, each measurement in a process of its own.

:mod:`work` says what the work is, ``peers/`` does it in one way a file, :mod:`cell` measures one peer at it,
:mod:`rounds` lets them take turns, :mod:`ratios` says how they compare.
"""
