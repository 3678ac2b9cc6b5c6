"""Build ``agent.jar`` from ``Agent.java``: ``python -m zcbench.probes.jvm.agent.build``. Needs javac 9 to 25.

The jar stands beside its source in version control, so that nobody needs a JDK to read a JVM. A test builds it
again and compares.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCE, JAR = HERE / "Agent.java", HERE / "agent.jar"
RELEASE = "8"  # the oldest JVM that takes it
CLASS = "zcbench/inside/Agent.class"
MANIFEST = "META-INF/MANIFEST.MF"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a jar can tell: the same source gives the same bytes


def source_hash() -> str:
    """SHA-256 of the source, as the jar's manifest names it."""
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()


def compiler() -> str:
    """The major version of the javac in PATH. Raises OSError without one."""
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    return found[1] if found else "?"


def build(jar: Path = JAR) -> None:
    """Compile and pack. Raises CalledProcessError, OSError."""
    with tempfile.TemporaryDirectory(prefix="zcbench-") as folder:
        words = ["javac", "--release", RELEASE, "-Xlint:-options", "-g:none", "-d", folder, str(SOURCE)]
        subprocess.run(words, check=True)
        compiled = (Path(folder) / CLASS).read_bytes()
    lines = {
        "Manifest-Version": "1.0",
        "Agent-Class": "zcbench.inside.Agent",
        "Build-Jdk-Spec": compiler(),
        "Source-Hash": source_hash()[:40],  # a line has at most 72 bytes
    }
    manifest = "".join(f"{name}: {value}\n" for name, value in lines.items()) + "\n"
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in ((MANIFEST, manifest.encode()), (CLASS, compiled)):
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), content)


if __name__ == "__main__":
    build()
