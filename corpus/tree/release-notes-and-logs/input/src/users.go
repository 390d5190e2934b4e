package users

var user = User{PasswordLastUsed: "<<-identifier|2021-03-04T05:06:07Z>>", TokenSerial: "<<-identifier|{{hex:16}}>>"}

func (c *Config) fields() map[string]any {
	return map[string]any{
		"OIDCClientSecret": <<-code|c.OIDCClientSecret>>,
		"ServiceToken":     <<-code|c.ServiceAccountToken2>>,
	}
}

//sys QueryToken(session uint32, token *Token) (err error) = <<-code|api32.QueryUserToken>>
