Net::SFTP.start('sftp.elm.example', 'elm', password: '<<+password|{{alnum:12}}>>')
Octokit::Client.new(access_token: '<<+token|ghp_{{alnum:30}}{{checksum}}>>')
Mysql2::Client.new(username: 'elm', password: "<<+password|{{password}}>>")
http.basic_auth 'elm', '<<+password|{{alnum:12}}>>'
JWT.encode(payload, '<<+signing-secret|{{hex:64}}>>', 'HS256')
OpenSSL::HMAC.hexdigest('SHA256', '<<+signing-secret|{{alnum:24}}>>', data)
Rails.application.credentials.<<-code|secret_key_base>>
