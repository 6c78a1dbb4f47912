#!/usr/bin/env bash
# Puts the commit that is checked out into the bucket, as the host installs it: deploy/release.sh BUCKET
# The host has no way to a package index, so everything goes along, built for it: Linux on x86-64, Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."
bucket=$1
python=${PYTHON:-python3.11}
rds_ca=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem

here=$("$python" -c 'import platform, sys; print(sys.platform, platform.machine(), *sys.version_info[:2])')
[ "$here" = "linux x86_64 3 11" ] || { echo "The host is linux x86_64 3 11, and this is $here. Set PYTHON." >&2; exit 1; }
# A name stands for one content: a host that has it does not install it again.
[ -z "$(git status --porcelain)" ] || { echo "There is something that is not committed: git status" >&2; exit 1; }
name=$(git describe --tags --always)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m pip wheel --quiet --constraint constraints.txt --wheel-dir "$folder/wheels" .
cp deploy/aws.cfg deploy/host/* "$folder"
curl --fail --silent --show-error --output "$folder/rds-ca.pem" "$rds_ca"
aws s3 sync --only-show-errors --delete "$folder" "s3://$bucket/release/$name"
echo "$name"
