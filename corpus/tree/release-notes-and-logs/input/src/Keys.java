class Keys {
    private static final String SECRET = "<<-public-key|MIGfMA0GCSqGSIb3DQEBAQUA{{base64:190}}==>>";
    private static final String VERIFY_TOKEN = "<<-public-key|MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{{base64:86}}==>>";
    private static final String API_KEY = "<<+api-key|{{alnum:32}}>>";
}
