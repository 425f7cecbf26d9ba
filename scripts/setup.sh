#!/usr/bin/env bash
# Make the environment in .venv. Usage: scripts/setup.sh [dev]
# With a GPU, a torch that is already installed for this Python stays; without one, torch is pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
extra=${1:+[$1]}

python=""
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python" >&2; exit 2; }

constraints=constraints-cpu.txt
site=()
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
    constraints=constraints.txt
    "$python" -c 'import torch' 2>/dev/null && site=(--system-site-packages)
fi

[ -x .venv/bin/python ] || "$python" -m venv ${site[@]+"${site[@]}"} .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
if [ "$constraints" = constraints-cpu.txt ] && ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    "${pip[@]}" -c constraints-cpu.txt torch==2.13.0
fi
"${pip[@]}" -c "$constraints" -e ".$extra"
touch ".venv/.stamp${1:+-$1}"
