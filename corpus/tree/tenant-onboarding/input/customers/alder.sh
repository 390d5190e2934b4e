#!/bin/sh
CUSTOMER=alder
WP_ADMIN_PASS='<<+password|{{password}}>>'
DB_PASS=<<+password|{{alnum:18}}>>
FTP_PASSWORD=<<+password|{{[a-zA-Z0-9!_]:14}}>>
SMTP_PASS="<<+password|{{[a-zA-Z0-9]:16}}>>"
MATOMO_TOKEN=<<+token|{{hex:32}}>>
GOOGLE_MAPS_KEY=<<+api-key|AIzaSy{{base64url:33}}>>
BACKUP_PASSPHRASE="<<+password|{{word}} {{word}} {{word}} {{word}}>>"
RECAPTCHA_SECRET=<<+api-key|6L{{alnum:6}}AAAA{{base64url:28}}>>
LICENSE=<<+api-key|{{uppernum:5}}-{{uppernum:5}}-{{uppernum:5}}-{{uppernum:5}}-{{uppernum:5}}>>
wp core install --url=alder.example --admin_user=alder --admin_password="$WP_ADMIN_PASS"
wp config set DB_PASSWORD '<<+password|{{alnum:18}}>>'
wp user create inge inge@alder.example --user_pass=<<+password|{{word}}{{digits:3}}>>
mysql -e "CREATE USER alder@localhost IDENTIFIED BY '<<+password|{{alnum:18}}>>'"
htpasswd -bc /srv/alder/.htpasswd alder <<+password|{{alnum:10}}>>
echo "alder:<<+password|{{alnum:12}}>>" | chpasswd
printf '%s\n' 'machine deploy.alder.example login alder password <<+password|{{alnum:14}}>>' >> ~/.netrc
curl -X POST https://api.cdn.example/zones -H 'AccessKey: <<+api-key|{{uuid}}>>' -d name=alder
curl -sS "https://api.dns.example/v1/domains?api_token=<<+token|{{base64url:40}}>>" -d '{"domain":"alder.example"}'
borg init --encryption=repokey ssh://u1@box.example/./alder && export BORG_PASSPHRASE='<<+password|{{alnum:24}}>>'
