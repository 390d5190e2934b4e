public enum Catalog {
    ENABLE_PASSWORD("<<-prose|enable password>>"),
    PASSWORD_POLICY("<<-identifier|password-policy-set>>"),
    TOKEN_BUCKET("<<-identifier|token bucket size>>");

    static final String PASSWORD_FIELD = "<<-identifier|j_password>>";
    static final String ERROR_TOKEN_EXPIRED = "<<-identifier|auth.token.expired>>";
    static final String KEY_PREFIX = "<<-identifier|catalog:item:>>";
    private String jdbcPassword = "<<+password|{{alnum:13}}>>";
    private String secretKey = "<<+key|{{word}}{{word}}{{word}}>>";
    private byte[] aesKey = "<<+key|{{alnum:16}}>>".getBytes();
    private String defaultPassword = "<<+password|{{digits:6}}>>";
}
