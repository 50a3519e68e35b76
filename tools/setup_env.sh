#!/usr/bin/env bash
# Makes .venv with the pinned set of versions and this project in it. Run by make; running it again is cheap.
#   PYTHON=python3.11 VENV=.venv bash tools/setup_env.sh
# The package index is the one that pip is configured with. Where nvidia-smi and nvcc work, mmcv's CUDA operators are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
CONSTRAINTS=requirements/constraints.txt

fail() {
    echo "error: $*" >&2
    exit 1
}

step() {
    echo "== $*"
}

install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -c "$CONSTRAINTS" "$@"
}

check_machine() {
    command -v "$PYTHON" >/dev/null || fail "'$PYTHON' isn't there: name a Python >= 3.10, e.g. make PYTHON=python3.11 ..."
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "$("$PYTHON" --version) is too old: Python >= 3.10 is needed, e.g. make PYTHON=python3.11 ..."
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$PYTHON can't make virtual environments: install its venv package (Debian, Ubuntu: python3-venv)."
    "$PYTHON" -c 'import os, sys, sysconfig; sys.exit(not os.path.isfile(sysconfig.get_path("include") + "/Python.h"))' ||
        fail "Python.h is missing, and mmcv's operators are compiled: install Python's headers (Debian, Ubuntu: python3-dev)."
    command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null ||
        fail "no C++ compiler found, and mmcv's operators are compiled: install one (Debian, Ubuntu: build-essential) or set CXX."
}

# Prints which operators mmcv has; fails if they don't import.
mmcv_ops() {
    "$VENV/bin/python" - <<'PY' 2>&1
import torch
import mmcv
from mmcv.ops import get_compiling_cuda_version, nms, roi_align

boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 4.1]])
assert len(nms(boxes, torch.tensor([0.9, 0.8]), 0.5)[1]) == 1
cuda = get_compiling_cuda_version()
kind = 'CPU' if cuda == 'not available' else f'CPU and CUDA {cuda}'
print(f'mmcv {mmcv.__version__} for torch {torch.__version__}, {kind} operators')
PY
}

# Without build isolation: an isolated build finds no torch and leaves the operators out, without an error.
# Without debug symbols (-g0) a compile takes half of the time. The other flags are those that Python itself was compiled with.
install_mmcv() {
    local flags
    wheels=$(mktemp -d)
    trap 'rm -rf "$wheels"' EXIT
    flags=${CFLAGS:-"$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("CFLAGS"))') -g0"}
    flags+=$(precompiled_headers "$wheels" "$flags")
    CFLAGS=$flags CXXFLAGS="${CXXFLAGS:-$flags}" "$VENV/bin/python" -m pip wheel --quiet --disable-pip-version-check \
        -c "$CONSTRAINTS" --no-build-isolation --no-deps --wheel-dir "$wheels" "$@" "$(requirement onedl-mmcv)"
    install --force-reinstall --no-deps "$wheels"/onedl_mmcv-*.whl
    rm -rf "$wheels"
}

# Compiles torch's headers once into a folder and prints the option by which GCC takes them from there. They are most of the work
# on each of mmcv's 78 files, and the operators come out the same. GCC reads the headers themselves where other flags need it.
precompiled_headers() {
    local header=$1/torch_types.h cxx=${CXX:-c++} includes
    "$cxx" --version 2>/dev/null | grep -q 'Free Software Foundation' || return 0
    includes=$("$VENV/bin/python" -c 'import sysconfig
from torch.utils.cpp_extension import include_paths
print(*(f"-I{path}" for path in (*include_paths(), sysconfig.get_path("include"))))' 2>/dev/null) || return 0
    echo '#include <torch/types.h>' >"$header"
    # shellcheck disable=SC2086  # flags and folders are lists
    if "$cxx" $2 -fPIC $includes -std=c++17 -DTORCH_API_INCLUDE_EXTENSION_H -DTORCH_EXTENSION_NAME=_ext \
        -x c++-header "$header" -o "$header.gch" 2>/dev/null; then
        echo " -include $header"
    fi
}

requirement() {
    sed -n "s/^ *\($1[<>=].*\)$/\1/p" setup.cfg
}

# What setup.cfg asks for, but the mm packages, which would compile mmcv.
others() {
    sed -n '/^install_requires/,/^$/p; /^dev =/,/^$/p' setup.cfg | sed -n 's/^ *\([a-z].*[<>=].*\)$/\1/p' | grep -v '^onedl-\| =$'
}

check_machine
[ -x "$VENV/bin/python" ] || { step "making $VENV with $("$PYTHON" --version)"; "$PYTHON" -m venv "$VENV"; }

step 'build tools and torch (some GB, once)'
install 'setuptools>=77,<81' wheel ninja psutil
install "$(requirement torch)" "$(requirement torchvision)" "$(requirement numpy)"

if nvidia-smi >/dev/null 2>&1 && command -v nvcc >/dev/null; then
    export FORCE_CUDA=1
    step 'a GPU and nvcc: mmcv gets CUDA operators'
elif nvidia-smi >/dev/null 2>&1; then
    step 'a GPU but no nvcc: mmcv gets CPU operators only, and detectors will fail on the GPU (install the CUDA toolkit)'
fi

mapfile -t packages < <(others)
install "${packages[@]}" "$(requirement onedl-mmengine)" &
rest=$!
if ! found=$(mmcv_ops); then
    step 'mmcv, compiled from source (some 4 minutes on two cores, once: pip keeps the wheel); meanwhile the other packages'
    install_mmcv
    found=
fi
wait "$rest" || fail "the other packages could not be installed: see pip's message above."
if [ -z "$found" ] && ! found=$(mmcv_ops); then
    step "mmcv's operators don't import: pip had kept a wheel for another torch; compiling again"
    install_mmcv --no-cache-dir
    found=$(mmcv_ops) || fail "mmcv's operators don't import: ${found##*$'\n'}.
  To mend it: pip cache remove onedl_mmcv; $VENV/bin/python -m pip install -v --no-build-isolation --no-cache-dir \
--force-reinstall --no-deps onedl-mmcv, and look for the compiler's message."
fi
if [ "${FORCE_CUDA:-0}" = 1 ] && [[ $found != *CUDA* ]]; then
    step 'that wheel was built without CUDA: compiling again'
    install_mmcv --no-cache-dir
    found=$(mmcv_ops) || fail "mmcv's operators don't import after a build with CUDA: ${found##*$'\n'}"
fi

step 'the mm packages and mmmask'
install --no-build-isolation --editable '.[dev]'
if ! "$VENV/bin/python" -c 'import cv2' 2>/dev/null; then
    step 'OpenCV lacks a system library (libGL): taking the headless build'
    install --force-reinstall --no-deps opencv-python-headless
    "$VENV/bin/python" -c 'import cv2' || fail 'OpenCV does not import.'
fi
"$VENV/bin/python" -c 'import mmdet, mmpretrain, mmseg' >/dev/null || fail 'mmdet, mmpretrain or mmseg does not import.'
echo "done: $found"
