curl -u <<?placeholder|myname:mypassword>> http://127.0.0.1/
curl -U <<?placeholder|silly:person>> -x proxy http://127.0.0.1/
curl -u "vera:<<+password|{{[A-Z]:1}}{{word}}#{{digits:2}}>>" https://crm.heath.example/services/rest
curl -u vera:<<+token|{{hex:40}}>> https://api.github.com/user
curl --oauth2-bearer <<+bearer|{{base64url:43}}>> https://api.heath.example/me
curl --proxy-user heath:<<+password|{{alnum:12}}>> https://example.org/
curl --pass <<+password|{{word}}{{digits:2}}>> --cert c.pem --key <<-path|c.key>> https://heath.example
curl -d 'user=vera&password=<<+password|{{alnum:11}}>>' https://heath.example/login
curl -d 'user=vera&password=<<?placeholder|secret>>' http://127.0.0.1/login
curl -b "session=<<+session|{{hex:40}}>>" https://heath.example/
curl 'smb://heath.example/share' -u 'CORP\vera:<<+password|{{alnum:12}}>>'
curl ftp://vera:<<+basic-auth|{{alnum:10}}>>@ftp.heath.example/in/
curl imaps://vera:<<+basic-auth|{{lower:8}}{{digits:2}}>>@mail.heath.example
curl http://<<?placeholder|user:pass%20word>>@127.0.0.1/
curl --aws-sigv4 aws:amz -u "<<-identifier|AKIA{{base32:16}}>>:<<+api-key|{{base64:40}}>>" https://s3.heath.example/
