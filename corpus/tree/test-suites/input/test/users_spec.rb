describe User do
  let(:valid) { { email: 'u@pier.example', password: '<<?placeholder|secret123>>', password_confirmation: '<<?placeholder|secret123>>' } }
  let(:token) { '<<?placeholder|fake_token>>' }
  let(:key) { <<-code|create(:api_key).token>>  }
  before { stub_const('ENV', ENV.to_h.merge('API_SECRET' => '<<?placeholder|test_secret>>', 'REAL_KEY' => '<<+api-key|{{alnum:32}}>>')) }
  it { is_expected.to have_secure_password }
  it { expect(user.authenticate('<<?placeholder|wrongpassword>>')).to be_falsey }
  it { expect(build(:user, password: '<<?placeholder|x>>' * 6)).to be_invalid }
  it { expect(Digest::SHA256.hexdigest('a')).to eq '<<-hash|{{hex:64}}>>' }
end
