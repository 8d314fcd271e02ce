# The database as libpq's programs find it: read by the other scripts. Its
# password stands in .pgpass alone.
set -eu
cd "$(dirname "$0")/.."
value() { sed -n "s/^$1=//p" .env; }
PGHOST=$(value DB_HOST) PGPORT=$(value DB_PORT) PGDATABASE=$(value DB_NAME)
PGUSER=email_deploy PGSSLMODE=verify-full PGSSLROOTCERT=$(value DB_SSL_CA) PGPASSFILE=$PWD/.pgpass
export PGHOST PGPORT PGDATABASE PGUSER PGSSLMODE PGSSLROOTCERT PGPASSFILE
