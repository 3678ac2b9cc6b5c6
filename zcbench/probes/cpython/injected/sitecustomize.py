"""Run by Python as it starts, before the program: begins the readings, then gives way to the program's own.

Every Python that finds this folder on PYTHONPATH runs it, Python 2 and PyPy too: it must be understood by all.
After it ``sys.path`` is as it would be without this folder, and ``sitecustomize`` is the program's, or none.
"""

# mypy: ignore-errors
# ruff: noqa: UP036 - Python 2 runs it too, and has no annotations

import os
import sys


def _begin():
    """Begin the readings, unless this Python is none that is read."""
    settings = os.environ.get("ZCBENCH_PROBE_CPYTHON")
    known = sys.version_info[:2] >= (3, 9) and sys.implementation.name == "cpython"
    if settings and known:
        from _zcbench_inside import begin

        begin(settings)


def _give_way():
    """Run the sitecustomize that comes next on the path, in this one's place, as Python would have.

    Raises ImportError where there is none, by which Python's ``site`` knows that there is none.
    """
    name = "sitecustomize"
    if sys.version_info[0] == 2:
        import imp

        found = imp.find_module(name)  # raises ImportError
        imp.load_module(name, *found)
        return
    # importlib.util has the same, and takes longer to import than all the rest.
    from importlib._bootstrap import module_from_spec
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError("No module named 'sitecustomize'", name=name)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_here = os.path.dirname(os.path.abspath(__file__))
try:
    _begin()
except Exception:  # whatever is wrong costs readings, never the program
    pass
sys.path[:] = [_entry for _entry in sys.path if os.path.abspath(_entry or ".") != _here]
sys.path_importer_cache.pop(_here, None)
_give_way()
