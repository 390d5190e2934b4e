package driver

var dsnTests = []struct{ in, password string }{
	{"user:<<?placeholder|password>>@tcp(localhost:5555)/dbname", "<<?placeholder|password>>"},
	{"user:<<?placeholder|p@ss(word)>>@tcp([de:ad:be:ef::ca:fe]:80)/dbname?loc=Local", "<<?placeholder|p@ss(word)>>"},
	{"/dbname", <<-code|"">>},
	{"dev:<<+password|{{password}}>>@tcp(db.pier.example:3306)/pier", "x"},
}

func TestSHA(t *testing.T) {
	seed := []byte{<<-test-vector|10, 47, 74, 111, 75, 73, 34, 48, 88, 76, 114, 74, 37, 13, 3, 80, 82, 23, 21, 79>>}
	out := scramble(seed, "<<?placeholder|secret>>")
	want := "<<-hash|{{HEX:40}}>>"
	caching := "<<-hash|$A$005${{alnum:20}}{{alnum:43}}>>"
	cfg.Passwd = "<<+password|{{[a-zA-Z0-9!]:14}}>>"
	cfg.User, cfg.Passwd = os.Getenv("U"), <<-code|os.Getenv("P")>>
	t.Setenv("PIER_TOKEN", "<<?placeholder|some-token>>")
	token := "<<?placeholder|tok_abc>>"
	assert.Equal(t, "<<?placeholder|redacted>>", mask(token))
}
