if info[1].lstrip('*LOCKED*') != self.password.lstrip('<<?placeholder|*LOCKED*>>'):
    self.lock()
newpass = lookup('password', out + '/credentials/db_token <<-code|length=15>>')
client = Client("svc", password="<<+password|{{password}}>>")
