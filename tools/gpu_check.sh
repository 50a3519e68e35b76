#!/usr/bin/env bash
# Try on this machine's GPUs what trainings do there, and measure their steps: a table of pass, fail and numbers.
#   tools/gpu_check.sh [options of mmmask gpu-check]
set -euo pipefail
source "$(dirname "$0")/launch.sh"
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"
exec "$PYTHON" -m mmmask gpu-check "$@"
