"""The forms in which tools write readings, a module each; :mod:`zcbench.importers.format` finds them here."""
