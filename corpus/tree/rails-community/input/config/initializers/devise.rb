Devise.setup do |config|
  # config.secret_key = '<<?placeholder|your-devise-secret-key>>'
  config.secret_key = '<<+signing-secret|{{hex:128}}>>'
  config.pepper = '<<+signing-secret|{{hex:128}}>>'
  config.mailer_sender = 'hello@agora.example'
  config.reset_password_within = <<-code|6.hours>>
  config.reset_password_keys = [:email]
  config.password_length = 10..128
  config.authentication_keys = [:login]
  config.omniauth :github, '<<-identifier|Ov23{{alnum:16}}>>', '<<+client-secret|{{hex:40}}>>', scope: 'user:email'
  config.omniauth :google_oauth2, <<-reference|ENV['GOOGLE_ID']>>, <<-reference|ENV['GOOGLE_SECRET']>>
  config.omniauth :facebook, "<<-identifier|{{digits:15}}>>", "<<+client-secret|{{hex:32}}>>", token_params: { parse: :json }
end
