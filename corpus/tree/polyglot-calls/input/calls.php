$redis->auth('<<+password|{{alnum:20}}>>');
ftp_login($c, 'elm', '<<+password|{{alnum:12}}>>');
ldap_bind($l, 'cn=elm', '<<+password|{{password}}>>');
new mysqli('db', 'elm', '<<+password|{{alnum:14}}>>', 'elm');
openssl_encrypt($d, 'aes-256-cbc', '<<+api-key|{{alnum:32}}>>', 0, $iv);
imap_open('{mail:993/ssl}', 'elm', '<<+password|{{[a-zA-Z0-9!]:12}}>>');
hash_hmac('sha256', $body, '<<+signing-secret|{{hex:32}}>>');
Auth::attempt(['email' => 'a@elm.example', 'password' => <<-reference|$request->password>>]);
'password' => '<<-code|required|string|min:8|confirmed>>',
'password_confirmation' => '<<-code|required_with:password|same:password>>',
define('SECURE_TOKEN', '<<+token|{{hex:32}}>>');
