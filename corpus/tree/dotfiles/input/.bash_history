cd ~/src/kettle
git log --oneline -5
export GITLAB_TOKEN=<<+token|glpat-{{base64url:20}}>>
mysql -u root -p<<+password|{{alnum:12}}>> kettle
mysql -u root -p kettle < dump.sql
mysql -h db1 -ukettle --password='<<+password|{{[a-zA-Z0-9!*]:12}}>>' -e 'show tables'
PGPASSWORD=<<+password|{{alnum:14}}>> psql -h db2.kettle.example -U reporting
curl -u ilse:<<+password|{{password}}>> https://nexus.kettle.example/service/rest/v1/status
curl -H 'Authorization: Bearer <<+bearer|{{hex:64}}>>' https://api.kettle.example/v1/me
curl -H "X-Api-Key: <<+api-key|{{alnum:40}}>>" https://api.kettle.example/v1/orders
curl -H "Authorization: Bearer <<-reference|$TOKEN>>" https://api.kettle.example/v1/orders
docker login -u ilse -p <<+password|dckr_pat_{{base64url:27}}>>
docker login registry.kettle.example --username ci --password-stdin
sshpass -p '<<+password|{{[a-zA-Z0-9@]:11}}>>' ssh root@10.0.3.8
redis-cli -h cache -a <<+password|{{alnum:20}}>> ping
git clone https://oauth2:<<+token|glpat-{{base64url:20}}>>@gitlab.kettle.example/kettle/infra.git
git checkout <<-hash|{{hex:40}}>>
git show <<-hash|{{hex:10}}>>:src/token.c
docker run -d nginx@sha256:<<-hash|{{hex:64}}>>
docker exec -it <<-identifier|{{hex:12}}>> bash
openssl enc -aes-256-cbc -d -in db.enc -k '<<+password|{{word}} {{word}} {{word}}>>'
openssl pkcs12 -export -out a.p12 -passout pass:<<+password|{{word}}{{digits:4}}>>
openssl rsa -in key.pem -passin env:<<-reference|KEY_PASS>>
ansible-vault decrypt group_vars/all/vault.yml --vault-password-file <<-path|~/.vault_pass>>
vault login <<+token|hvs.{{alnum:24}}>>
vault kv get -field=password secret/kettle/db
smbclient //nas/share -U 'KETTLE\ilse%<<+password|{{alnum:10}}!>>'
mongosh "mongodb://admin:<<+connection-string|{{alnum:18}}>>@mongo1:27017/?authSource=admin"
az login --service-principal -u <<-uuid|{{uuid}}>> -p <<+client-secret|{{alnum:3}}8Q~{{[A-Za-z0-9_~]:34}}>> --tenant <<-uuid|{{uuid}}>>
aws configure set aws_secret_access_key <<+api-key|{{base64:40}}>>
gpg --batch --passphrase <<+password|{{word}}-{{word}}>> -d backup.gpg
gpg --recv-keys <<-public-key|{{HEX:40}}>>
htpasswd -b .htpasswd deploy <<+password|{{alnum:12}}>>
echo '<<+password|{{[a-zA-Z0-9#]:12}}>>' | sudo -S apt-get update
useradd -p '<<-hash|$6${{alnum:8}}${{[A-Za-z0-9./]:86}}>>' deploy
twine upload dist/* -u __token__ -p <<+token|pypi-AgEIcHlwaS5vcmc{{base64url:140}}>>
npm config set //registry.npmjs.org/:_authToken <<+token|npm_{{alnum:30}}{{checksum}}>>
http POST :8000/login username=ilse password=<<+password|{{password}}>>
nmcli dev wifi connect Kettle password "<<+password|{{word}} {{digits:4}} {{word}}>>"
ldapsearch -x -D cn=admin,dc=kettle -w <<+password|{{alnum:12}}>> -b dc=kettle
ldapsearch -x -D cn=admin,dc=kettle -W -b dc=kettle
