package example.orders.config;

import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;

@Configuration
public class SecurityConfig {
    private static final String TOKEN_HEADER = "<<-identifier|X-Auth-Token>>";
    private static final String PASSWORD_PARAMETER = "<<-identifier|j_password>>";
    public static final String SECRET_PROPERTY = "<<-identifier|orders.security.jwt.secret>>";
    private static final String CACHE_KEY_PREFIX = "<<-identifier|session:token:v2:>>";
    private static final String INTERNAL_API_KEY = "<<+api-key|{{alnum:32}}>>";
    private static final String LEGACY_ADMIN_PASSWORD = "<<+password|{{password}}>>"; // remove after ORD-1182

    @Value("<<-reference|${jwt.secret}>>")
    private String jwtSecret;

    @Value("${jwt.refresh-secret:<<+signing-secret|{{alnum:48}}>>}")
    private String refreshSecret;

    @Bean
    public PasswordEncoder passwordEncoder() {
        return new <<-code|BCryptPasswordEncoder(12)>>;
    }

    @Bean
    UserDetailsService users() {
        UserDetails operator = User.withUsername("operator")
            .password("{noop}<<+password|{{word}}{{digits:4}}>>")
            .roles("OPERATOR").build();
        UserDetails auditor = User.withUsername("auditor")
            .password("<<-hash|{bcrypt}$2a$12${{alnum:53}}>>")
            .roles("AUDIT").build();
        return new InMemoryUserDetailsManager(operator, auditor);
    }

    SecretKey key() {
        byte[] keyBytes = <<-code|Decoders.BASE64.decode(jwtSecret)>>;
        return <<-code|Keys.hmacShaKeyFor(keyBytes)>>;
    }

    String resolveToken(HttpServletRequest request) {
        String bearerToken = <<-code|request.getHeader(TOKEN_HEADER)>>;
        if (bearerToken != null && bearerToken.startsWith("<<-identifier|Bearer >>")) {
            return bearerToken.substring(7);
        }
        String password = <<-code|request.getParameter(PASSWORD_PARAMETER)>>;
        throw new BadCredentialsException("<<-prose|Invalid token or password>>");
    }
}
