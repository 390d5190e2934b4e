namespace relay {
constexpr auto kTokenKey = "<<-identifier|auth/token>>";
const std::string kPassword{"<<+password|{{password}}>>"};
const QString apiSecret = QStringLiteral("<<+client-secret|{{alnum:40}}>>");
class Session {
  std::string password_ = <<-code|"">>;
  Token token = <<-code|lexer.next()>>;
  std::unique_ptr<SecretKey> secretKey = <<-code|nullptr>>;
  void login() {
    conn = driver->connect("tcp://127.0.0.1:3306", "relay", "<<+password|{{alnum:13}}>>");
    ui->passwordEdit->setPlaceholderText(tr("<<-prose|Passphrase for the key>>"));
    settings.setValue("<<-identifier|network/proxyPassword>>", <<-code|ui->proxyPassword->text()>>);
    static const GUID guid = {0x{{hex:8}}, 0x{{hex:4}}, 0x{{hex:4}}, {0x{{hex:2}}, 0x{{hex:2}}}}; // <<-uuid|{{uuid}}>>
    EXPECT_EQ(sha256(data), "<<-hash|{{hex:64}}>>");
    EXPECT_EQ(login("bob", "<<?placeholder|secret>>"), Status::Denied);
    QByteArray header = "Basic " + QByteArray("relay:<<+basic-auth|{{alnum:12}}>>").toBase64();
  }
};
}
