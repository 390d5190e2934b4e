c.NotebookApp.password = u'<<-hash|argon2:$argon2id$v=19$m=10240,t=10,p=8${{base64:22}}${{base64:22}}>>'
c.NotebookApp.token = '<<+token|{{hex:48}}>>'
c.JupyterHub.cookie_secret = bytes.fromhex('<<+signing-secret|{{hex:64}}>>')
c.ConfigurableHTTPProxy.auth_token = '<<+token|{{hex:64}}>>'
c.GitHubOAuthenticator.client_id = '<<-identifier|{{hex:20}}>>'
c.GitHubOAuthenticator.client_secret = '<<+client-secret|{{hex:40}}>>'
c.DummyAuthenticator.password = "<<+password|{{word}}-{{word}}>>"
c.NotebookApp.keyfile = '<<-path|/etc/jupyter/key.pem>>'
