#!/bin/bash
set -euo pipefail
DB_PASS="<<+password|{{[a-zA-Z0-9!]:16}}>>"
RESTIC_PASSWORD='<<+password|{{word}} {{word}} {{word}} {{word}}>>'
export RESTIC_REPOSITORY=rest:https://backup:<<+basic-auth|{{alnum:18}}>>@backup.relay.example/relay
export B2_ACCOUNT_ID=<<-identifier|{{hex:25}}>>
export B2_ACCOUNT_KEY=<<+api-key|K{{alnum:30}}>>
PASSWORD=${1:-<<+password|{{alnum:10}}>>}
TOKEN="<<-code|$(curl -fs "$AUTH/token" | jq -r .access_token)>>"
SECRET_FILE=${SECRET_FILE:-<<-path|/run/secrets/backup>>}
KEY=<<-code|$(< "$SECRET_FILE")>>
API_KEY=<<-reference|$2>>
: "${SLACK_TOKEN:?<<-prose|SLACK_TOKEN is not set>>}"
CHECKSUM=<<-hash|{{hex:64}}>>
read -r -s -p "<<-prose|Password: >>" password
mysqldump --user=backup --password="$DB_PASS" relay | gzip > relay.sql.gz
pg_dump "postgresql://backup:<<+connection-string|{{alnum:16}}>>@db/relay" > relay.pg
curl -fsS -X POST -H "PRIVATE-TOKEN: <<+token|glpat-{{base64url:20}}>>" "https://gitlab.relay.example/api/v4/projects/7/trigger"
curl -fsS -F token=<<+token|glptt-{{hex:40}}>> -F ref=main https://gitlab.relay.example/api/v4/projects/7/trigger/pipeline
curl -u "$NEXUS_USER:<<-reference|$NEXUS_PASSWORD>>" -T relay.sql.gz https://nexus.relay.example/
lftp -u backup,<<+password|{{[a-zA-Z0-9]:12}}>> sftp://store.relay.example -e "put relay.sql.gz; bye"
echo "${CHECKSUM}  relay.bin" | sha256sum -c
wget --http-user=relay --http-password='<<+password|{{[a-zA-Z0-9#]:12}}>>' https://dl.relay.example/relay.bin
zip -P <<+password|{{alnum:11}}>> out.zip relay.sql.gz
usermod --password "$(openssl passwd -6 '<<+password|{{password}}>>')" relay
