#!/usr/bin/env bash
# Train with several processes on one machine (or NNODES machines), on GPUs or, where there are none, on CPUs.
#   tools/dist_train.sh CONFIG NPROC [options of mmmask train]
# Variables: NNODES, NODE_RANK, MASTER_ADDR, PORT (several machines: set them; one machine: a free port is found).
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
source "$(dirname "$0")/launch.sh"
run_processes "$2" train.py "$1" "${@:3}"
