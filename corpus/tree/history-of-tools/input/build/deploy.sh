docker run --entrypoint htpasswd <<-identifier|registry:2>> -Bbn ci "$SECRET" > htpasswd
htpasswd <<-code|-nbBC10>> "$user" "$password"
gpg --keyserver keys.example.org --recv-keys <<-identifier|{{HEX:40}}>>
gpg --recv-key <<-identifier|{{HEX:16}}>>
APT_GPG_KEY=<<-identifier|{{HEX:40}}>>
java -Djavax.net.ssl.trustStorePassword="$TRUST_SECRET" <<-code|-Xmx512m>>
java -Dx.password=VERY-SECRET <<-code|-Xmx256m>> -jar app.jar
exec /entrypoint "$SFTP_USER:$SFTP_PASSWORD:<<-identifier|33:33:web>>"
guest.copy -l user:pass <<-code|-vm=build-vm>> a.log b.log
mkpasswd <<-code|--method=sha-512>>
export STORE_PASSWORD=<<+password|{{alnum:16}}>>
deployctl push --token <<+token|{{hex:40}}>> --site blog
