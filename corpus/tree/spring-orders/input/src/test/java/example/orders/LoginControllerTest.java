class LoginControllerTest extends WebTest {
    private static final String VALID_PASSWORD = "<<+password|{{password}}>>";
    private static final String WRONG_PASSWORD = "<<?placeholder|wrong-password>>";
    private final String userId = "<<-uuid|{{uuid}}>>";
    private final String csrfToken = <<-code|UUID.randomUUID().toString()>>;
    private final String expiredJwt = "<<+token|{{jwt}}>>";

    @Test
    void loginReturnsToken() throws Exception {
        mvc.perform(post("/login").param("username", "marta").param("password", VALID_PASSWORD))
            .andExpect(jsonPath("$.accessToken").<<-code|isNotEmpty()>>);
    }

    @Test
    void rejectsBlankPassword() {
        var request = new LoginRequest("marta", "<<?placeholder|   >>");
        assertThat(validate(request)).extracting("message").contains("<<-prose|Password must not be blank>>");
        assertThat(new Credentials("marta", "<<?placeholder|secret>>").masked()).isEqualTo("marta:<<?placeholder|***>>");
    }

    @Test
    void hashesPassword() {
        String storedHash = "<<-hash|$2a$10${{alnum:53}}>>";
        assertThat(encoder.matches("<<+password|{{[A-Z]:1}}{{word}}{{digits:2}}!>>", storedHash)).isTrue();
        assertThat(TokenType.valueOf("<<-identifier|REFRESH_TOKEN>>")).isEqualTo(TokenType.REFRESH_TOKEN);
        given(tokenService.createToken(any())).willReturn("<<?placeholder|test-token>>");
        String sessionKey = "<<-uuid|{{uuid}}>>";
        String etag = "<<-hash|\"{{hex:32}}\">>";
    }
}
