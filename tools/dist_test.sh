#!/usr/bin/env bash
# Test with several processes on one machine (or NNODES machines), on GPUs or, where there are none, on CPUs.
#   tools/dist_test.sh CONFIG CHECKPOINT NPROC [options of mmmask test]
# Variables: NNODES, NODE_RANK, MASTER_ADDR, PORT (several machines: set them; one machine: a free port is found).
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
source "$(dirname "$0")/launch.sh"
run_processes "$3" test.py "$1" "$2" "${@:4}"
