"""Prepares a copy of Rocket's GPU build for bench/gpu/pack.sh: clears the machine code for GPUs other than those of
compute capability 9.0, so that the libraries of TensorFlow compress well, and lists the files that the copy has.

Also makes the build for the CPU from the same files, since TensorFlow for GPUs computes on the CPU as well.

usage: pack_build.py BUILD COPY
"""

import json
import mmap
import re
import struct
import subprocess
import sys
from pathlib import Path

# The fields of a container of GPU code, as CUDA's compiler writes them into the section .nv_fatbin.
CONTAINER, ENTRY, MAGIC = "<IHHQ", "<HHIQ", 0xBA55ED50
MACHINE_CODE, CAPABILITY = 2, 90


def clear_other_code(library: Path) -> int:
    """Overwrites code for other GPUs with zeros, and returns the number of bytes."""
    sections = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\.nv_fatbin\s+PROGBITS\s+\S+ (\S+) (\S+)", sections)
    if not found:
        return 0
    start, size = (int(text, 16) for text in found.groups())
    cleared = 0
    with library.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        at = start
        while at < start + size - struct.calcsize(CONTAINER):
            magic, _, header, length = struct.unpack_from(CONTAINER, data, at)
            if magic != MAGIC:
                at += 8
                continue
            entry, end = at + header, at + header + length
            while entry < end:
                kind, _, header, length = struct.unpack_from(ENTRY, data, entry)
                (capability,) = struct.unpack_from("<I", data, entry + 28)
                if (kind, capability) != (MACHINE_CODE, CAPABILITY):
                    data[entry + header : entry + header + length] = bytes(length)
                    cleared += length
                entry += header + length
            at = end
        data.flush()
    return cleared


def main() -> None:
    build, copy = (Path(arg) for arg in sys.argv[1:])
    for library in sorted(copy.glob("tensorflow/libtensorflow_*.so.2")):
        print(f"{library.name}: cleared {clear_other_code(library) / 1e6:.0f} MB")
    marker = json.loads((build / "build.json").read_text())
    files = (path for path in copy.rglob("*") if path.is_file())
    marker["files"] = {str(path.relative_to(copy)): path.stat().st_size for path in files}
    (copy / "build.json").write_text(json.dumps(marker, indent=2) + "\n")
    # The build for the CPU has the same files. Hard links are packed once.
    del marker["gpu"]
    own = copy.with_name(copy.name.removesuffix("-gpu"))
    own.mkdir()
    marker["files"] = {path: size for path, size in marker["files"].items() if path.startswith("tensorflow/")}
    (own / "build.json").write_text(json.dumps(marker, indent=2) + "\n")
    for path in copy.glob("tensorflow/**/*"):
        if path.is_file():
            target = own / path.relative_to(copy)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)


if __name__ == "__main__":
    main()
