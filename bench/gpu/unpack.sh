#!/bin/sh
# Unpacks the pieces that pack.sh made in a folder, and compares the GPU of this machine with its CPU.
# usage: unpack.sh FOLDER [PYTHON]
set -eu
cd "$1"
python=${2:-python3}
cat part.* | xz -dc -T0 | tar x
# PyTorch's libraries of CUDA, also those of another major version, under the names that TensorFlow loads.
nvidia=$("$python" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1] / "nvidia")')
mkdir -p cuda
link() {
  file=$(find "$nvidia" /usr/local/cuda*/lib64 \( -name "$2" -o -name "$1" \) 2>/dev/null | head -1)
  if [ -n "$file" ]; then ln -sf "$file" "cuda/$2"; else echo "this machine has no $1"; fi
}
link 'libcublas.so.1*' libcublas.so.12
link 'libcublasLt.so.1*' libcublasLt.so.12
link 'libcufft.so.1*' libcufft.so.11
link 'libcusolver.so.1*' libcusolver.so.11
link 'libcusparse.so.1*' libcusparse.so.12
link 'libcupti.so.1*' libcupti.so.12
link 'libcudnn.so.9' libcudnn.so.9
link 'libnccl.so.2' libnccl.so.2
LD_LIBRARY_PATH=$PWD/cuda:$(find "$nvidia" -type d -name lib | tr '\n' ':')${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH PATH="$PWD:$PATH" DENO_DIR="$PWD/deno-dir" ROCKET_CACHE="$PWD/cache"
cd rocket
deno task -q bench:gpu --python "$(command -v "$python")"
