"""Build ``agent.jar`` of the classes here: ``python -m zcbench.probes.jvm.agent.build``, with javac 9 to 25.

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
JAR = HERE / "agent.jar"
# Each class, and the oldest Java that takes it.
CLASSES = {"Agent": "8", "Opening": "9"}
MANIFEST = "META-INF/MANIFEST.MF"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a jar can tell: the same source gives the same bytes


def entry(name: str) -> str:
    """Where the jar has the class ``name``."""
    return f"zcbench/inside/{name}.class"


def source_hash() -> str:
    """The sources' SHA-256, cut to 40 digits: a line of a manifest has at most 72 bytes."""
    return hashlib.sha256(b"".join((HERE / f"{name}.java").read_bytes() for name in CLASSES)).hexdigest()[:40]


def compiler() -> str:
    """The major version of the javac in PATH. Raises OSError without one."""
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    return found[1] if found else "?"


def build(jar: Path = JAR) -> None:
    """Compile and pack. Raises CalledProcessError, OSError."""
    lines = {
        "Manifest-Version": "1.0",
        "Agent-Class": "zcbench.inside.Agent",
        "Build-Jdk-Spec": compiler(),
        "Source-Hash": source_hash(),
    }
    contents = {MANIFEST: "".join(f"{name}: {value}\n" for name, value in lines.items()).encode() + b"\n"}
    with tempfile.TemporaryDirectory(prefix="zcbench-") as folder:
        for name, release in CLASSES.items():
            options = ["--release", release, "-Xlint:-options", "-g:none", "-d", folder]
            subprocess.run(["javac", *options, str(HERE / f"{name}.java")], check=True)
            contents[entry(name)] = (Path(folder) / entry(name)).read_bytes()
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), content)


if __name__ == "__main__":
    build()
