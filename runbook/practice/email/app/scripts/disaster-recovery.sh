#!/bin/sh
# restore FILE: puts the database back as an encrypted archive holds it, in one
# transaction: all of it or nothing. test FILE: reads all of it, and changes nothing.
. "$(dirname "$0")/database.sh"
umask 077
what=${1:?restore or test} file=${2:?an archive}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gpg --batch --yes --passphrase-file .backup-key --decrypt --output "$work/backup.tar.gz" "$file"
tar -C "$work" -xzf "$work/backup.tar.gz"
dump=$(ls "$work"/*.dump)
pg_restore --file=/dev/null "$dump"
echo "$file: $(basename "$dump"), $(wc -c <"$dump") bytes, read to its end"
case $what in
test) ;;
restore)
  if [ -n "$(docker ps --quiet --filter name=encrypted-email-backend)" ]; then
    echo "the backend runs: docker-compose -f docker-compose.prod.yml down" >&2
    exit 1
  fi
  pg_restore --list "$dump" | grep -v ' EXTENSION ' >"$work/list" # extensions belong to the server's owner
  pg_restore --clean --if-exists --no-owner --single-transaction --use-list="$work/list" --dbname="$PGDATABASE" "$dump"
  echo "database $PGDATABASE is as $(basename "$dump") holds it"
  ;;
*)
  echo "$what: want restore or test" >&2
  exit 2
  ;;
esac
