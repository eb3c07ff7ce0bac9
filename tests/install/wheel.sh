#!/bin/bash
# Build the wheel with every Python that is here, look into it, and use it in an
# environment that holds nothing else; then the same from the source archive.
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pythons() # one of each minor version, Debian's first
{
    for folder in /usr/bin ~/.pyenv/versions/*/bin; do
        for python in "$folder"/python3.9 "$folder"/python3.1[0-9]; do
            ! test -x "$python" || echo "$python"
        done
    done | awk -F/ '!seen[$NF]++'
}

holds() # the wheel has what it needs to stand alone
{
    python3 -m zipfile -l "$1" >"$work/files"
    for name in '_native\..*\.so' 'liblares\.so\.0' 'lares-lua\.so' 'py\.typed'
    do
        grep -q "^lares/$name " "$work/files" ||
            { echo "  not in the wheel: $name"; exit 1; }
    done
}

check() # with a Python, from a source, in a new environment
{
    local env=$work/$3
    echo "  $1, $3"
    "$1" -m venv "$env"
    "$env/bin/pip" wheel --quiet --no-deps --wheel-dir "$env/dist" "$2"
    holds "$env"/dist/lares_mesh-*.whl
    "$env/bin/pip" install --quiet "$env"/dist/lares_mesh-*.whl
    (cd "$work" && "$env/bin/python" "$top/examples/counter.py" >/dev/null)
}

for python in $(pythons); do
    check "$python" "$top" "$(basename "$python")"
done
python=$(pythons | head -n 1)
"$python" -m venv "$work/build"
"$work/build/bin/pip" install --quiet build
"$work/build/bin/python" -m build --sdist --outdir "$work" "$top" >/dev/null
check "$python" "$work"/lares_mesh-*.tar.gz archive
