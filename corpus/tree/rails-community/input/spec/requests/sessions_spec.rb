RSpec.describe 'Sessions' do
  let(:password) { '<<+password|{{password}}>>' }
  let(:user) { create(:user, password: '<<?placeholder|password123>>', password_confirmation: '<<?placeholder|password123>>') }
  let(:reset_token) { <<-code|user.send(:set_reset_password_token)>> }
  let(:api_token) { '<<+token|{{base64url:32}}>>' }

  it 'signs in' do
    post login_path, params: { session: { email: user.email, password: <<-code|user.password>> } }
    expect(response.cookies['_agora_session']).to be_present
    fill_in '<<-identifier|user_password>>', with: '<<?placeholder|foobar>>'
    click_button '<<-prose|Reset password>>'
  end

  it 'shows the git revision' do
    expect(build.sha).to eq('<<-hash|{{hex:40}}>>')
    expect(user.encrypted_password).to start_with('<<-code|$2a$04$>>')
    expect(flash[:alert]).to eq '<<-prose|Your password token has expired>>'
    stub_request(:get, 'https://api.weather.example/v1/now?appid=<<+api-key|{{hex:32}}>>&q=Graz')
  end
end
