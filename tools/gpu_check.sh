#!/usr/bin/env bash
# Try on this machine's GPUs what trainings do there, and measure their steps: a table of pass, fail and numbers.
#   tools/gpu_check.sh [options of mmmask gpu-check]
set -euo pipefail
export PYTHONPATH="$(cd "$(dirname "$0")/.." && pwd)${PYTHONPATH:+:$PYTHONPATH}"
exec python -m mmmask gpu-check "$@"
