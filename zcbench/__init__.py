"""zcbench: a zero-copy capture engine, and the harness that tells whether one is stable."""


def __getattr__(name: str) -> str:
    # importlib.metadata costs as much as the whole of click: only who asks for the version pays.
    if name == "__version__":
        from importlib.metadata import version

        return version("zcbench")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
