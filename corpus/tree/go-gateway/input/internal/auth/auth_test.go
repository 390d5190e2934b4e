package auth

func TestLogin(t *testing.T) {
	tests := []struct{ name, user, password, wantToken string }{
		{"ok", "anna", "<<+password|{{word}}{{digits:3}}!>>", "<<?placeholder|test-token>>"},
		{name: "wrong password", user: "anna", password: "<<?placeholder|nope>>"},
		{name: "long", user: "anna", password: <<-code|strings.Repeat("a", 200)>>},
	}
	const validJWT = "<<+token|{{jwt}}>>"
	const testSecret = "<<?placeholder|secret>>"
	want := "<<-hash|{{hex:64}}>>"
	id := uuid.MustParse("<<-uuid|{{uuid}}>>")
	block := `<<+private-key|-----BEGIN EC PRIVATE KEY-----
{{key:ec}}
-----END EC PRIVATE KEY----->>`
	pub := `<<-public-key|-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{{base64:28}}
{{base64:58}}==
-----END PUBLIC KEY----->>`
	vector := vec{key: "<<-test-vector|{{hex:64}}>>", nonce: "<<-test-vector|{{hex:24}}>>", tag: "<<-test-vector|{{hex:32}}>>"}
	sig := "<<-hash|sha256={{hex:64}}>>"
	assert.Equal(t, "<<-code|postgres://u:xxxxx@db/x>>", redact("postgres://u:<<+connection-string|{{alnum:10}}>>@db/x"))
	if got := mask("<<+token|{{alnum:24}}>>"); got != "<<?placeholder|****>>" {
		t.Fatalf("token = %q, <<-prose|want masked>>", got)
	}
}
