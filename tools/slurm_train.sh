#!/usr/bin/env bash
# Train with Slurm.
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of mmmask train]
# Variables: GPUS (8), GPUS_PER_NODE (8; 0 trains on CPUs), CPUS_PER_TASK (5), SRUN_ARGS.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
source "$(dirname "$0")/launch.sh"
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
resources=(--ntasks="$GPUS" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1)
[ "$GPUS_PER_NODE" = 0 ] || resources+=(--gres="gpu:$GPUS_PER_NODE" --ntasks-per-node="$GPUS_PER_NODE")
read -ra more <<<"${SRUN_ARGS:-}"
exec srun -p "$1" --job-name="$2" "${resources[@]}" "${more[@]}" \
    "$PYTHON" -u "$TOOLS/train.py" "$3" --work-dir="$4" --launcher=slurm "${@:5}"
