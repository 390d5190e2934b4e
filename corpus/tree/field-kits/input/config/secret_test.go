package field

var (
	sealed    = "<<-ciphertext|<enc-v1>{{base64:43}}=>>"
	encSecret = "<<-ciphertext|<enc-v1>{{base64:39}}=>>"
	secret    = "<<+secret|{{alnum:28}}>>"
	tokenType = "<<-identifier|Bearer>>"
	tokenKey  = "<<-identifier|access-token-v2>>"
)

func seed() {
	u.Password = "<<+password|{{digits:8}}AbC>>"
	u.Password = <<-code|hash(u.Salt, plain)>>
	os.Setenv("FIELD_SECRET", "<<+secret|{{alnum:18}}>>")
	os.Setenv("FIELD_SECRET_FILE", "<<-path|/run/secrets/field>>")
}
