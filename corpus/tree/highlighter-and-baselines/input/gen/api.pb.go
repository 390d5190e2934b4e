const file_api_proto_rawDesc = "<<-code|\n\x0eapi/auth.proto\x12\x04auth\"*\n\x0cLoginRequest\x12\x1a\n\x08password\x18\x02>>"
var fileDescriptor_ = []byte{<<-code|0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0x7c, 0x92>>}
func (m *Token) GetSecretKey() []byte { if m != nil { return <<-code|m.SecretKey>> } return nil }
// source: <<-hash|{{hex:64}}>>
