class User < ApplicationRecord
  TOKEN_TYPES = { reset: '<<-identifier|reset_password_token>>', confirm: '<<-identifier|confirmation_token>>' }.freeze
  PASSWORD_FORMAT = <<-code|/\A(?=.*\d)(?=.*[a-z])[[:graph:]]{10,}\z/>>
  has_secure_password :password, validations: false
  has_secure_token :api_key, length: 36
  before_create { self.auth_token = <<-code|SecureRandom.urlsafe_base64(24)>> }

  def password_digest_for(value)
    salt = <<-code|Digest::SHA256.hexdigest("#{id}--#{created_at}")>>
    BCrypt::Password.create(value + "<<+signing-secret|{{alnum:22}}>>", cost: 11)
  end

  def self.authenticate(login, password = <<-code|nil>>)
    user = find_by(login: login)
    user if user&.password_digest == <<-code|encrypt(password, user.salt)>>
  end
end
