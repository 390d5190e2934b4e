const assert = require('assert');
describe('smtp', () => {
  const auth = { user: '<<?placeholder|testuser>>', pass: '<<?placeholder|testpass>>' };
  const xoauth = { clientId: 'cid', clientSecret: '<<?placeholder|csecret>>', refreshToken: '<<?placeholder|rtoken>>', accessToken: '<<?placeholder|abc>>' };
  it('parses urls', () => {
    const u = parse('smtps://ann%40mail.example:<<?placeholder|pass>>@smtp.mail.example');
    const v = parse('smtp://<<?placeholder|user:secret>>@localhost:2525');
    assert.equal(v.password, '<<?placeholder|secret>>');
    assert.equal(auth.pass, <<-code|undefined>>);
  });
  it('signs', () => {
    const key = '<<+private-key|-----BEGIN RSA PRIVATE KEY-----\n{{key:rsa}}\n-----END RSA PRIVATE KEY----->>';
    assert.equal(sign(mail, key), 'v=1; a=rsa-sha256; bh=<<-hash|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>; b=<<-hash|{{base64:85}}{{[AQgw]:1}}==>>');
    assert.equal(messageId, '<<-uuid|{{uuid}}>>@mail.example');
  });
  it('really connects', async () => {
    if (!process.env.LIVE) return;
    await send({ host: 'smtp.ethereal.example', auth: { user: 'kaia.{{word}}@ethereal.example', pass: '<<+password|{{alnum:18}}>>' } });
    await send({ service: 'mailbox', auth: { user: 'probe@mail.example', pass: '<<+password|{{lower:16}}>>' } });
  });
  it('encodes AUTH PLAIN', () => {
    assert.equal(plain('<<?placeholder|testuser>>', '<<?placeholder|testpass>>'), '<<?placeholder|AHRlc3R1c2VyAHRlc3RwYXNz>>');
    assert.equal(cram('<<?placeholder|tim>>', '<<?placeholder|tanstaaftanstaaf>>'), '<<-hash|{{hex:32}}>>');
    expect(tokens.length).toBe(<<-code|4>>);
    expect(parseToken('<<?placeholder|foo.bar.baz>>')).toBe(<<-code|null>>);
  });
});
