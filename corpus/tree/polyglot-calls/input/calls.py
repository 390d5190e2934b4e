ftp = FTP("ftp.elm.example"); ftp.login("elm", "<<+password|{{alnum:12}}>>")
imap.login("elm@elm.example", "<<+password|{{lower:16}}>>")
r = redis.Redis(host="cache", password="<<+password|{{alnum:20}}>>")
c = MongoClient("mongodb://elm:<<+connection-string|{{alnum:14}}>>@mongo/elm")
requests.get(url, auth=HTTPBasicAuth("elm", "<<+password|{{password}}>>"))
requests.post(url, headers={"X-API-KEY": "<<+api-key|{{alnum:32}}>>", "apikey": "<<+api-key|{{hex:32}}>>"})
ldap.simple_bind_s("cn=elm", "<<+password|{{[a-zA-Z0-9!]:12}}>>")
jwt.encode(payload, "<<+signing-secret|{{alnum:32}}>>", algorithm="HS256")
hmac.new(b"<<+signing-secret|{{alnum:24}}>>", msg, hashlib.sha256)
Fernet(b"<<+api-key|{{base64url:43}}=>>")
consumer = KafkaConsumer(sasl_plain_username="elm", sasl_plain_password="<<+password|{{alnum:16}}>>")
paramiko.RSAKey.from_private_key_file("<<-path|/home/elm/.ssh/id_rsa>>", password="<<+password|{{word}} {{word}}>>")
keyring.set_password("elm", "anna", "<<+password|{{password}}>>")
keyring.get_password("elm", "<<-identifier|anna>>")
app.config["SECRET_KEY"] = "<<+signing-secret|{{hex:48}}>>"
app.config.from_mapping(SECRET_KEY="<<?placeholder|dev>>", DATABASE=<<-code|os.path.join(app.instance_path, "elm.sqlite")>>)
os.environ["TOKEN"] = <<-code|input("token: ")>>
pw_hash = "<<-hash|scrypt:32768:8:1${{alnum:16}}${{hex:128}}>>"
session.cookies.set("sessionid", "<<+session|{{lowernum:32}}>>")
hvac.Client(url, token="<<+token|{{uuid}}>>")
assert tokenize("a b") == ["<<-code|a>>", "<<-code|b>>"]
d["password"] = <<-code|d.pop("pwd", None)>>
