#!/bin/sh
# Makes a backup: a dump, its digest in the manifest, and an encrypted archive
# that latest-backup.tar.gz.gpg leads to.
. "$(dirname "$0")/database.sh"
umask 077
name=encrypted-email-$(date -u +%Y%m%dT%H%M%SZ)
pg_dump --format=custom --file="backups/$name.dump"
pg_restore --file=/dev/null "backups/$name.dump"
(cd backups && sha256sum "$name.dump" >>SHA256SUMS)
tar -C backups -czf "backups/$name.tar.gz" "$name.dump"
gpg --batch --yes --passphrase-file .backup-key --symmetric --output "backups/$name.tar.gz.gpg" "backups/$name.tar.gz"
rm "backups/$name.tar.gz"
ln -sf "backups/$name.tar.gz.gpg" latest-backup.tar.gz.gpg
echo "backups/$name.dump $(wc -c <"backups/$name.dump") bytes"
echo "latest-backup.tar.gz.gpg is backups/$name.tar.gz.gpg"
