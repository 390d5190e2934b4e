import Config
config :quarry, Quarry.Repo, username: "quarry", password: "<<+password|{{alnum:16}}>>", hostname: "db"
config :quarry, QuarryWeb.Endpoint, secret_key_base: "<<+signing-secret|{{base64:64}}>>", live_view: [signing_salt: "<<+signing-secret|{{base64:8}}>>"]
config :quarry, Quarry.Mailer, api_key: <<-code|System.get_env("MAIL_KEY")>>
config :ueberauth, Ueberauth.Strategy.Github.OAuth, client_id: "<<-identifier|{{hex:20}}>>", client_secret: "<<+client-secret|{{hex:40}}>>"
config :joken, default_signer: <<?placeholder|"secret">>
plug Plug.Session, store: :cookie, key: "<<-identifier|_quarry_key>>", signing_salt: "<<+signing-secret|{{base64:8}}>>"
