# Shared by the dist_*.sh and slurm_train.sh scripts; sourced, not run.
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # more threads per process make each many times slower
export MKL_NUM_THREADS=${MKL_NUM_THREADS:-$OMP_NUM_THREADS}

# The Python to use: $PYTHON, the active environment's, this project's.
if [ -z "${PYTHON:-}" ]; then
    if [ -z "${VIRTUAL_ENV:-}" ] && [ -x "$TOOLS/../.venv/bin/python" ]; then
        PYTHON=$TOOLS/../.venv/bin/python
    else
        PYTHON=python
    fi
fi

# run_processes NPROC PROGRAM ARGUMENTS...: one process per rank.
run_processes() {
    exec "$PYTHON" "$TOOLS/spawn.py" "$1" "$TOOLS/$2" "${@:3}" --launcher pytorch
}
