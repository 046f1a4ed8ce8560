#!/bin/sh
# Puts a backup (an .rdb file) in the place of what the store holds: `restore.sh BACKUP [DATA FOLDER]`, with the store
# stopped. What was there stays beside it, until you delete it.
set -eu
backup=$1
data=${2:-/data}
case $(head -c 6 "$backup") in
    REDIS0 | VALKEY) ;;
    *) echo "$backup is no backup of a store: nothing was changed." >&2; exit 2 ;;
esac
[ ! -d "$data/appendonlydir" ] || mv "$data/appendonlydir" "$data/before-restore-$(date +%Y%m%d%H%M%S)"
mkdir "$data/appendonlydir"
cp "$backup" "$data/appendonlydir/appendonly.aof.1.base.rdb"
echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$data/appendonlydir/appendonly.aof.manifest"
