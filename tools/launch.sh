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
    local nproc=$1 program=$2 nnodes=${NNODES:-1} rendezvous
    shift 2
    [[ $nproc =~ ^[1-9][0-9]*$ ]] || { echo "error: the number of processes must be a positive number, got '$nproc'" >&2; exit 2; }
    if [ "$nnodes" = 1 ] && [ -z "${PORT:-}" ]; then
        rendezvous=(--standalone)
    else
        rendezvous=(--nnodes="$nnodes" --node_rank="${NODE_RANK:-0}"
            --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}")
    fi
    exec "$PYTHON" "$TOOLS/spawn.py" "${rendezvous[@]}" --nproc_per_node="$nproc" \
        "$TOOLS/$program" "$@" --launcher pytorch
}
