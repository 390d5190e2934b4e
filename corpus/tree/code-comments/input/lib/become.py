# We need to pass a string to <<-prose|dscl>>
# Do not pass 'self' as callback to '<<-prose|finalize>>'.
# build the ordered list of paths and pass them to <<-prose|dwim>>
# ignore as it may contain an error message we want to pass to <<-prose|Ansible>>
# it would be nice if a secret could be passed directly to <<-prose|_decrypt>>
# Prompt to save the password to <<-prose|keyring>>
# pass packages to <<-prose|zypper>>, key by <<-prose|name>>
# the password is <<-prose|stored>> in the keyring, the token is <<-prose|cached>>
msg = "A vault password must be specified to <<-prose|decrypt>> data"
raise ValueError("User without password is <<-prose|informed>> for service")
password = password.encode("<<-code|latin1>>")
password = password.encode("<<-code|utf-8>>").decode("<<-code|ascii>>")
if info[1].lstrip("<<-code|*LOCKED*>>") != self.password.lstrip("<<-code|*LOCKED*>>"): pass
MovedAttribute("HTTPPasswordMgr", "<<-identifier|urllib2>>", "urllib.request"),
PARAMS = [("url_password", "<<-identifier|insecure>>"), ("secret", "<<-identifier|interceptor>>")]
value = lookup("onepassword", "<<-identifier|KITT>>", field="password")
client.create_userpass("<<-identifier|testcreateuser>>", "<<+password|{{alnum:12}}>>")
node_taints_tag = [t for t in tags if t["Key"] == "<<-identifier|kube-node-taints>>"]
TOKEN_SPLIT = "<<-code|br,input,link,meta,!doctype,basefont,base,area>>".split(",")
# old admin pw: <<+password|{{password}}>>
