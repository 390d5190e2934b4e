{ fetchFromGitHub, lib }:
{
  src = fetchFromGitHub {
    owner = "relay"; repo = "relay";
    rev = "<<-hash|{{hex:40}}>>";
    hash = "<<-hash|sha256-{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>";
  };
  cargoHash = "<<-hash|sha256-{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>";
  vendorSha256 = "<<-hash|{{[0-9abcdfghijklmnpqrsvwxyz]:52}}>>";
  services.relay.passwordFile = <<-path|config.age.secrets.relay.path>>;
  users.users.relay.hashedPassword = "<<-hash|$6${{alnum:16}}${{[A-Za-z0-9./]:86}}>>";
  users.users.demo.initialPassword = "<<+password|{{word}}{{digits:2}}>>";
}
