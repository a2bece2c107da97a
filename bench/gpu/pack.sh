#!/bin/sh
# Packs what bench/gpu needs on a machine without a network, in pieces of 50 MB: FOLDER/part.aa, …
# Needs the GPU build (`deno task native --device gpu`), readelf, and xz.
# usage: bench/gpu/pack.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cache=${ROCKET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rocket-launching}
build=$(find "$cache" -maxdepth 1 -name 'native-*-gpu' | head -1)
[ -n "$build" ] || { echo "the GPU build is not set up: deno task native --device gpu" >&2; exit 1; }

mkdir -p "$work/pack/cache"
git -C "$root" archive --prefix=rocket/ HEAD | tar x -C "$work/pack"
cp -L "$(command -v deno)" "$work/pack/deno"
# Only TensorFlow and the CUDA runtime: cuBLAS, cuDNN, and the others are those of PyTorch.
name=$(basename "$build")
mkdir -p "$work/pack/cache/$name/nvidia"
cp -r "$build/tensorflow" "$work/pack/cache/$name/"
cp -r "$build/nvidia/cuda_runtime" "$build/nvidia/cuda_nvcc" "$work/pack/cache/$name/nvidia/"
python3 "$here/pack_build.py" "$build" "$work/pack/cache/$name"
# One run of each program fills Deno's cache with the packages that they import.
export DENO_DIR="$work/pack/deno-dir" ROCKET_CACHE="$work/pack/cache" PATH="$work/pack:$PATH"
cd "$work/pack/rocket"
deno task -q bench:gpu --list
for program in "wide_resnet.ts --light 10 --booster 10 --batch 16" "ctr.ts --rows 1000"; do
  # shellcheck disable=SC2086 # The words are the program and its options.
  deno run --allow-all --quiet src/launch/main.ts run bench/$program </dev/null >/dev/null
done
rm -rf "$work/pack/deno-dir/gen"
find "$work/pack/deno-dir" -name '*.map' -delete
rm -f "$out"/part.*
tar c -C "$work/pack" . | xz -6 -T0 | split -b 50M - "$out/part."
ls -l "$out"
