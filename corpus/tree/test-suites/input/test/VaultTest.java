class VaultTest {
    static final char[] PASSWORD = "<<?placeholder|changeit>>".toCharArray();
    static final String KEYSTORE_PASSWORD = "<<+password|{{alnum:12}}>>";
    KeyStore ks = <<-code|KeyStore.getInstance("PKCS12")>>;
    @Test void opens() { ks.load(in, "<<?placeholder|storepass>>".toCharArray()); vault.login("<<?placeholder|myuser>>", "<<?placeholder|mypass>>"); }
    @Test void token() { when(auth.token()).thenReturn("<<?placeholder|mock>>"); given().header("Authorization", "Bearer <<?placeholder|token>>"); }
    @Test void key() { byte[] key = Hex.decode("<<-test-vector|{{hex:32}}>>"); assertEquals("<<-test-vector|{{HEX:32}}>>", enc(key)); }
    @Test void live() { client.login("probe", "<<+password|{{[A-Z]:1}}{{word}}{{word}}{{digits:2}}>>"); }
}
