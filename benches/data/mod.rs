//! Seeded inputs: the same bytes on every machine.

use unleak::rule::template::SampleRng;

/// Lines of a service log: access lines, JSON, Java, base64 payloads. Holds no secret.
pub(crate) fn log(bytes: usize) -> Vec<u8> {
    let mut rng = SampleRng::new(42);
    let mut text = Vec::with_capacity(bytes + 512);
    while text.len() < bytes {
        let (a, b) = (rng.below(1_000_000), rng.below(997));
        let line = match rng.below(10) {
            0..4 => format!(
                "10.0.{}.{} - - \"GET /api/v2/auth/session/{a}?page={b}&client=web HTTP/1.1\" 200 {a} \
                 \"https://www.example.org/app/{b}\" \"Mozilla/5.0 (X11; Linux x86_64)\"",
                b % 256,
                a % 256
            ),
            4..7 => format!(
                "{{\"level\":\"info\",\"logger\":\"api.auth\",\"msg\":\"token refreshed\",\"user_id\":{a},\
                 \"request_id\":\"{:032x}\",\"path\":\"/api/v1/secrets/{b}\"}}",
                rng.next_u64()
            ),
            7..9 => format!("2026-03-01 INFO  [http-nio-8080-exec-{b}] c.e.s.TokenFilter - request {a} in {b} ms"),
            _ => {
                let payload = rng.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 200);
                format!("DEBUG payload={}", String::from_utf8_lossy(&payload))
            }
        };
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text
}

/// Lines that assign something to a secret's name: nearly all of what the generic model has to reject, and a little of
/// what it has to find.
#[allow(dead_code, reason = "not every bench needs it")]
pub(crate) fn assignments(lines: usize) -> Vec<u8> {
    let mut rng = SampleRng::new(43);
    let mut text = Vec::new();
    for _ in 0..lines {
        let line = match rng.below(8) {
            0 => "    password: str = get_password(user)".to_owned(),
            1 => "token = request.headers.get('X-Token')".to_owned(),
            2 => "DB_PASSWORD=${DB_PASSWORD}".to_owned(),
            3 => "\"secret\": \"my-cluster-secret\",".to_owned(),
            4 => format!("api_key: changeme{}", rng.below(1000)),
            5 => format!("password = \"winter{}\"", rng.below(10)),
            6 => "access_token: AccessToken,".to_owned(),
            _ => format!(
                "session_secret: {}",
                String::from_utf8_lossy(&rng.pick(b"abcdefghjkmnpqrstuvwxyz23456789", 24))
            ),
        };
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text
}
