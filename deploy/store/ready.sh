#!/bin/sh
# Succeeds once the store has loaded its data and answers.
set -eu
REDISCLI_AUTH=$(cat "${STORE_PASSWORD_FILE:-/run/secrets/bedside_store_password}")
export REDISCLI_AUTH
[ "$(valkey-cli ping)" = PONG ]
