#!/bin/sh
# Starts the store with its password read from a file. The password reaches it through standard input, so that it is
# in no argument, no variable and no layer.
set -eu
password=$(cat "${STORE_PASSWORD_FILE:-/run/secrets/bedside_store_password}")
[ -n "$password" ] || { echo "The store's password is empty: make it with deploy/make_secrets.sh." >&2; exit 2; }
exec valkey-server "${STORE_CONFIG:-/etc/bedside/valkey.conf}" - <<CONFIG
requirepass "$password"
appendfsync ${STORE_FSYNC:-everysec}
CONFIG
