"""Threads that read records at once."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def test_threads_may_meet_the_types_of_a_record_for_the_first_time_at_once() -> None:
    # given types that nobody has read yet, and threads that take turns as often as they can
    code = """
        import sys, threading
        import msgspec
        from zcbench.record.decoding import decode

        sys.setswitchinterval(1e-6)
        names = [f"field_{n}" for n in range(30)]
        for turn in range(20):
            inner = msgspec.defstruct(f"Inner{turn}", [(name, "int | None", None) for name in names])
            outer = msgspec.defstruct(f"Outer{turn}", [(name, inner | None, None) for name in names])
            begin = threading.Barrier(8)

            def read():
                begin.wait()
                assert decode('{"field_29": {"field_3": 7}}', outer).field_29.field_3 == 7

            threads = [threading.Thread(target=read) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
