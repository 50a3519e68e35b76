#!/usr/bin/env bash
# Run every suite of the papers' tables and figures as a demo, one after the other, and print the time of each.
#   tools/demo_tables.sh DIR [PAPER/NAME ...]      e.g. attmask/table1; without names: all
# The suites of a paper share DIR/PAPER: what several tables need runs once. The same command continues. Data are made in ./data.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
source "$(dirname "$0")/launch.sh"
out=$1
shift
mkdir -p "$out"
[ $# -ge 1 ] || set -- $(cd "$TOOLS/../configs/suites" && ls -v {mst,attmask,gpa,ccmim}/*.py | sed 's/\.py$//')
failed=()
for suite in "$@"; do
    before=$SECONDS
    if "$PYTHON" -m mmmask suite "mmmask::suites/$suite.py" --demo --work-dir "$out/${suite%/*}" > "$out/log.txt" 2>&1; then
        printf '%-22s %4d s\n' "$suite" $((SECONDS - before))
    else
        printf '%-22s failed: %s\n' "$suite" "$(tail -n 1 "$out/log.txt")"
        failed+=("$suite")
    fi
done
echo "$# suites, ${#failed[@]} failed, $SECONDS s in all"
[ ${#failed[@]} -eq 0 ]
