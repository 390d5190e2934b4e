it 'signs in' do
  fill_in 'Password', with: '<<+password|{{alnum:12}}>>'
  fill_in 'password', with: <<-code|user.password>>
  fill_in 'Password', with: '<<?placeholder|password>>'
  select 'token', from: '<<-identifier|kind_of_login>>'
end
