MSSQL_PASSWORD="<<+password|{{alnum:32}}>>"
SQLCMDPASSWORD="<<-reference|$MSSQL_PASSWORD>>" sqlcmd -S db -U sa -i setup.sql
INSTALL_KEY=<<+api-key|{{alnum:20}}>>
CERT_PASSWORD=<<-code|$(tr -dc A-Za-z0-9 < /dev/urandom | head -c 24)>>
dotnet user-secrets set "globalSettings:mail:smtp:password" "<<+password|{{password}}>>"
dotnet user-secrets set "globalSettings:stripe:apiKey" <<+api-key|sk_test_51{{alnum:97}}>>
openssl pkcs12 -export -out identity.pfx -inkey identity.key -passout pass:<<+password|{{alnum:24}}>>
