use secrecy::{ExposeSecret, SecretString};

pub const SESSION_TOKEN_KEY: &str = "<<-identifier|session_token>>";
const API_KEY: &str = "<<+api-key|{{base64url:43}}>>";
const DEFAULT_PASSWORD: &str = "<<?placeholder|changeme>>";
static ADMIN_SECRET: &[u8] = b"<<+signing-secret|{{alnum:32}}>>";

#[derive(Deserialize)]
pub struct Database {
    pub password: <<-code|SecretString>>,
    #[serde(rename = "<<-identifier|apiToken>>")]
    pub api_token: <<-code|Option<String>>>,
}

impl Default for Options {
    fn default() -> Self {
        Options { password: <<-code|String::new()>>, token: <<-code|None>>, secret: "<<+password|{{password}}>>".into() }
    }
}

fn connect() -> PgPool {
    let password = <<-code|std::env::var("DB_PASSWORD").expect("DB_PASSWORD")>>;
    let token = <<-code|headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok())>>;
    let url = "postgres://relay:<<+connection-string|{{alnum:15}}>>@localhost/relay";
    let url2 = format!("postgres://relay:<<-reference|{password}>>@localhost/relay");
    let key = <<-code|Key::<Aes256Gcm>::from_slice(&bytes)>>;
    let client = Client::new().basic_auth("relay", Some("<<+basic-auth|{{[a-zA-Z0-9]:12}}>>")).bearer_auth("<<+bearer|{{hex:40}}>>");
    let digest = hex!("<<-hash|{{hex:64}}>>");
    assert_eq!(oid.to_string(), "<<-hash|{{hex:40}}>>");
    let vectors = [("<<-test-vector|{{hex:32}}>>", "<<-test-vector|{{hex:32}}>>")];
    tracing::info!(token = <<-code|%redact(&token)>>, "<<-prose|token refreshed>>");
    let namespace = Uuid::parse_str("<<-uuid|{{uuid}}>>").unwrap();
    #[cfg(test)] let password = "<<+password|{{word}}-{{word}}>>";
}
