set :password, '<<+password|{{alnum:12}}>>'
set :scm_passphrase, "<<+password|{{word}}{{digits:4}}>>"
server 'alder.example', user: 'web12', password: '<<+password|{{password}}>>', roles: %w{app}
set :default_env, { 'API_TOKEN' => '<<+token|{{hex:40}}>>', 'RAILS_MASTER_KEY' => '<<+api-key|{{hex:32}}>>' }
