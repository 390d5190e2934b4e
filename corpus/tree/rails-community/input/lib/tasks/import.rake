namespace :import do
  task legacy: :environment do
    client = Mysql2::Client.new(host: '10.0.4.4', username: 'legacy', password: '<<+password|{{[a-zA-Z0-9$]:12}}>>', database: 'phpbb')
    ENV['PGPASSWORD'] ||= '<<+password|{{alnum:16}}>>'
    sh "mysqldump -u backup -p<<+password|{{alnum:15}}>> phpbb > tmp/phpbb.sql"
    sh "psql -U agora -h $DB_HOST -c 'select 1'"
    token = <<-code|args[:token] || abort('token missing')>>
    puts "<<-prose|Imported with token: >>#{token[0, 4]}…"
  end
end
