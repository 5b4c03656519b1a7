#!/bin/sh
# The image of PostgreSQL runs this once, when it makes its database. It reads the passwords from the
# secrets, so that none stands in a command line.
set -eu
for role in station1 station2; do
    psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 <<SQL
\set password \`cat /run/secrets/$role\`
create role $role login password :'password';
SQL
done
