#!/usr/bin/env bash
# Installs the release that lies beside this script, as root, on Amazon Linux 2023: install.sh NAME
# The names of what the stack made are in LAKESHIFT_...; none of them is a secret. May be run again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=/opt/lakeshift/venv/$1

dnf --quiet --assumeyes install python3.11 java-17-amazon-corretto-headless cronie logrotate
id lakeshift >/dev/null 2>&1 || useradd --system --shell /sbin/nologin --home-dir /var/lib/lakeshift lakeshift
install -d -o lakeshift -g lakeshift -m 750 /var/{lib,log}/lakeshift

# Each release has a folder of its own, and the one before stays: a run under way keeps the code that it began with.
python3.11 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-index --find-links "$here/wheels" lakeshift

install -d /etc/lakeshift
install -m 644 "$here/aws.cfg" "$here/rds-ca.pem" /etc/lakeshift
cat > /etc/lakeshift/environment <<END
PATH=/opt/lakeshift/current/bin:/usr/bin:/bin
LUIGI_CONFIG_PATH=/etc/lakeshift/aws.cfg
TMPDIR=/var/lib/lakeshift/tmp
SPARK_LOCAL_DIRS=/var/lib/lakeshift/tmp
AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION
LAKESHIFT_BUCKET=$LAKESHIFT_BUCKET
LAKESHIFT_WAREHOUSE=$LAKESHIFT_WAREHOUSE
LAKESHIFT_DATABASE=$LAKESHIFT_DATABASE
LAKESHIFT_DATABASE_SECRET=$LAKESHIFT_DATABASE_SECRET
LAKESHIFT_SUBNETS=$LAKESHIFT_SUBNETS
LAKESHIFT_NODE_GROUP=$LAKESHIFT_NODE_GROUP
LAKESHIFT_EMR_GROUP=$LAKESHIFT_EMR_GROUP
LAKESHIFT_EMR_ROLE=$LAKESHIFT_EMR_ROLE
LAKESHIFT_NODE_PROFILE=$LAKESHIFT_NODE_PROFILE
LAKESHIFT_EMR_SECURITY=$LAKESHIFT_EMR_SECURITY
LAKESHIFT_APPLICATION=$LAKESHIFT_APPLICATION
LAKESHIFT_JOB_ROLE=$LAKESHIFT_JOB_ROLE
LAKESHIFT_TOPIC=$LAKESHIFT_TOPIC
LAKESHIFT_PROJECT=$LAKESHIFT_PROJECT
LAKESHIFT_MONITORED=$LAKESHIFT_MONITORED
END
install -m 755 "$here/lakeshift-env" /usr/local/bin
install -m 644 "$here/luigid.service" /etc/systemd/system
install -m 644 "$here/lakeshift.cron" /etc/cron.d/lakeshift
install -m 644 "$here/lakeshift.logrotate" /etc/logrotate.d/lakeshift
install -m 644 "$here/lakeshift.tmpfiles" /etc/tmpfiles.d/lakeshift.conf
systemd-tmpfiles --create /etc/tmpfiles.d/lakeshift.conf
bash "$here/switch.sh" /opt/lakeshift "$1"

systemctl daemon-reload
systemctl enable --now crond.service logrotate.timer
systemctl enable luigid.service
# Each time, since its code and its pages are the release's; runs under way wait for it: [core] rpc_retry_attempts.
systemctl restart luigid.service
