#!/bin/sh
# Makes the secrets of a deployment, once: `sh deploy/make_secrets.sh [folder]` (deploy/secrets unless you name one).
# A secret that is there already stays: without the data key, nothing that is stored can be read again.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

# The folder keeps other accounts of this machine out. The files are readable, because the accounts inside the
# containers are none of this machine's; only what the compose file names is mounted there.
keep() {
    if [ -s "$folder/$1" ]; then
        echo "  kept  $1"
        return
    fi
    (umask 077 && printf '%s' "$2" >"$folder/$1")
    chmod 444 "$folder/$1"
    echo "  made  $1"
}

keep bedside_internal_token "$(random | tr -d '=')"
keep bedside_data_key "$(random)"
keep bedside_store_password "$(random | tr -d '=')"
keep bedside_redis_url "redis://:$(cat "$folder/bedside_store_password")@store:6379/0"
echo "The secrets are in $folder. Keep a copy of bedside_data_key apart from the backups of the store."
