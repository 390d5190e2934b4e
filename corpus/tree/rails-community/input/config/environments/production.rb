Rails.application.configure do
  config.action_mailer.smtp_settings = {
    address: 'smtp.sendgrid.net',
    user_name: '<<-identifier|apikey>>',
    password: '<<+api-key|SG.{{base64url:22}}.{{base64url:43}}>>',
    authentication: :plain
  }
  config.filter_parameters += [:password, :token, :secret_answer]
  config.cache_store = :redis_cache_store, { url: "redis://:<<+connection-string|{{hex:32}}>>@10.0.8.3:6379/0" }
  config.active_record.encryption.primary_key = "<<+signing-secret|{{alnum:32}}>>"
  config.active_record.encryption.key_derivation_salt = "<<+signing-secret|{{alnum:32}}>>"
  config.assets.digest_key = "<<-hash|{{hex:64}}>>"
end
