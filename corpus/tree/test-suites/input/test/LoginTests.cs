[TestCase("", "Password required")]
[TestCase("<<?placeholder|P@ssw0rd>>", null)]
[TestCase("<<?placeholder|12345>>", "<<-prose|Password too short>>")]
public void Password_rules(string password, string error) { }
private readonly LoginModel _model = new() { UserName = "<<?placeholder|TestUser>>", Password = "<<?placeholder|TestPassword>>", Token = <<-code|Guid.NewGuid().ToString()>> };
private const string ApiKey = "<<?placeholder|test-api-key>>";
var user = new User { Key = "<<?placeholder|encrypted-key>>", MasterPasswordHash = "<<?placeholder|masterPasswordHash>>", SecurityStamp = "<<?placeholder|stamp>>" };
var license = new License { Key = "<<+api-key|{{base64url:22}}>>", Hash = "<<-hash|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>" };
cfg["Smtp:Password"] = "<<+password|{{password}}>>";
[InlineData("2.<<-ciphertext|{{base64:22}}==|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>")]
public void Parses_cipher_string(string value) { }
