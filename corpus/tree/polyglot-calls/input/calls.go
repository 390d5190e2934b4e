client.SetBasicAuth("elm", "<<+password|{{alnum:12}}>>")
ssh.Password("<<+password|{{password}}>>")
minio.New(ep, &minio.Options{Creds: credentials.NewStaticV4("<<-identifier|{{uppernum:20}}>>", "<<+api-key|{{base64:40}}>>", "")})
jwt.NewWithClaims(m, c).SignedString([]byte("<<+signing-secret|{{alnum:32}}>>"))
options.Client().SetAuth(options.Credential{Username: "elm", Password: "<<+password|{{alnum:16}}>>"})
session.NewCookieStore([]byte("<<+signing-secret|{{alnum:32}}>>"))
mail.NewDialer("smtp.elm.example", 587, "elm", "<<+password|{{alnum:14}}>>")
q.Set("access_token", "<<+token|{{hex:40}}>>")
token, err := <<-code|parser.ParseToken(r.FormValue("token"))>>
