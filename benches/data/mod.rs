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
