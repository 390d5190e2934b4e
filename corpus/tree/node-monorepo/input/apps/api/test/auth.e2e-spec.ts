describe('auth', () => {
  const password = '<<+password|{{word}}!{{digits:3}}{{[A-Z]:1}}>>';
  const fakeToken = '<<?placeholder|fake.jwt.token>>';
  it('logs in', async () => {
    await request(app).post('/login').send({ email: 'zoe@atelier.example', password: '<<+password|{{password}}>>' }).expect(201);
    await request(app).post('/login').send({ email: 'zoe@atelier.example', password: '<<?placeholder|wrong>>' }).expect(401);
    await request(app).get('/me').set('Authorization', 'Bearer <<+token|{{jwt}}>>').expect(401);
    await request(app).get('/me').set('Authorization', `Bearer ${<<-code|res.body.accessToken>>}`);
    await request(app).get('/me').auth('admin', '<<?placeholder|admin>>');
    expect(res.body.password).<<-code|toBeUndefined()>>;
    expect(res.headers['x-api-key']).toBe('<<+api-key|{{base64url:32}}>>');
    cy.get('<<-identifier|#password-input>>').type('<<+password|{{alnum:12}}>>');
    await page.fill('<<-identifier|input[name=password]>>', '<<?placeholder|test1234>>');
    expect(sha).toEqual('<<-hash|{{hex:40}}>>');
    expect(etag).toEqual('W/"<<-hash|{{hex:2}}-{{base64:27}}>>"');
    jest.mock('./token', () => ({ getToken: () => '<<?placeholder|mock-token>>' }));
  });
});
