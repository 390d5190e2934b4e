#!/usr/bin/env node
const mysql = require('mysql2/promise');
(async () => {
  const conn = await mysql.createConnection({ host: 'db', user: 'root', password: '<<+password|{{[a-zA-Z0-9]:12}}>>' });
  await conn.query("CREATE USER 'web'@'%' IDENTIFIED BY '<<+password|{{alnum:16}}>>'");
  await conn.query("INSERT INTO users (email, password) VALUES ('kim@atelier.example', '<<-hash|$2b$10${{alnum:53}}>>')");
  await conn.query('UPDATE users SET password = <<-code|?>> WHERE id = ?', [hash, id]);
  const users = [
    { name: 'kim', password: '<<+password|{{password}}>>', token: '<<+token|{{uuid}}>>' },
    { name: 'lou', password: '<<+password|{{password}}>>', avatar: '<<-hash|{{hex:32}}>>' },
    { name: 'sam', password: '<<?placeholder|password>>', id: '<<-uuid|{{uuid}}>>' },
  ];
  const auth = 'Basic ' + Buffer.from('kim:<<+basic-auth|{{alnum:14}}>>').toString('base64');
  const t = new Twitter({ consumer_key: '<<-identifier|{{alnum:25}}>>', consumer_secret: '<<+client-secret|{{alnum:50}}>>', access_token_key: '<<-identifier|{{digits:18}}-{{alnum:40}}>>', access_token_secret: '<<+token|{{alnum:45}}>>' });
  axios.defaults.headers.common['x-access-token'] = '<<+token|{{jwt}}>>';
  webpush.setVapidDetails('mailto:ops@atelier.example', '<<-public-key|B{{base64url:86}}>>', '<<+private-key|{{base64url:43}}>>');
  const transporter = nodemailer.createTransport({ service: 'gmail', auth: { user: 'atelier@mail.example', pass: '<<+password|{{lower:16}}>>' } });
  const key = crypto.createHash('sha256').update('<<+password|{{word}} {{word}} {{digits:3}}>>').digest();
  app.use(session({ secret: '<<+signing-secret|{{word}}{{word}}{{digits:2}}>>', resave: false }));
  const hmac = crypto.createHmac('sha1', '<<+signing-secret|{{alnum:20}}>>');
  const token = jwt.sign({ id: 1 }, '<<+signing-secret|{{word}}_{{word}}_{{alnum:6}}>>', { expiresIn: '7d' });
  const decoded = <<-code|jwt.verify(token, publicKey)>>;
})();
