#!/usr/bin/env bash
# Puts a release in force that is installed below ROOT, and keeps the one before it and no other: switch.sh ROOT NAME
set -euo pipefail
shopt -s nullglob
cd "$1"
new=venv/$2

# At no moment is there none in force.
point() {
    ln -sfn "$2" ".$1"
    mv -T ".$1" "$1"
}

before=$(readlink current || true)
# The same one may be installed again; the one before it stays what it was.
if [ -n "$before" ] && [ "$before" != "$new" ]; then
    point previous "$before"
fi
point current "$new"

for folder in venv/* release/*; do
    case venv/${folder##*/} in
        "$new" | "$(readlink previous || true)") ;;
        *) rm -rf "$folder" ;;
    esac
done
