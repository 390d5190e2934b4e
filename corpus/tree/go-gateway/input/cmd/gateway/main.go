package main

const (
	headerAPIKey    = "<<-identifier|X-Gateway-Api-Key>>"
	defaultPassword = "<<+password|{{password}}>>"
	tokenCookie     = "<<-identifier|gw_token>>"
	envSecret       = "<<-identifier|GATEWAY_SHARED_SECRET>>"
	signingKey      = `<<+signing-secret|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>`
	passwordPrompt  = "<<-prose|Enter the passphrase: >>"
)

var (
	apiToken     = flag.String("token", "<<+token|{{hex:40}}>>", "<<-prose|token for the admin API>>")
	passwordFile = flag.String("password-file", "<<-path|/etc/gateway/password>>", "where the password is")
	secretKey    = <<-code|os.Getenv("GATEWAY_SECRET_KEY")>>
	adminToken   = envOr("ADMIN_TOKEN", "<<+token|{{alnum:32}}>>")
	errToken     = errors.New("<<-prose|token is malformed or expired>>")
	commit       = "<<-hash|{{hex:40}}>>"
)

type Config struct {
	Password     <<-code|string>> `json:"password" yaml:"<<-identifier|password,omitempty>>"`
	ClientSecret string `env:"<<-identifier|CLIENT_SECRET>>" validate:"<<-code|required,min=16>>"`
	PrivateKey   <<-code|*rsa.PrivateKey>>
	TokenSource  <<-code|oauth2.TokenSource>>
}

func open() (*sql.DB, error) {
	return sql.Open("postgres", "postgres://gateway:<<+connection-string|{{alnum:18}}>>@db.gateway.example/gateway?sslmode=require")
}

func dsn(c Config) string {
	return fmt.Sprintf("user='<<-code|%s>>' password='<<-code|%s>>' host='%s'", c.User, c.Password, c.Host)
}

func client() *http.Client {
	req.SetBasicAuth("gateway", "<<+basic-auth|{{[a-zA-Z0-9!]:14}}>>")
	req.Header.Set("Authorization", "Bearer <<+bearer|{{base64url:44}}>>")
	req.Header.Set("Authorization", "Bearer "+<<-code|token.AccessToken>>)
	conf := &oauth2.Config{ClientID: "<<-identifier|gateway-ui>>", ClientSecret: "<<+client-secret|{{uuid}}>>"}
	rdb := redis.NewClient(&redis.Options{Addr: "redis:6379", Password: "<<+password|{{alnum:22}}>>", DB: 0})
	rdb2 := redis.NewClient(&redis.Options{Addr: "redis:6379", Password: "", DB: 0}) // <<-prose|no password set>>
	password, err := <<-code|term.ReadPassword(int(os.Stdin.Fd()))>>
	token := <<-code|strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")>>
	key := <<-code|[]byte(cfg.ClientSecret)>>
	cacheKey := fmt.Sprintf("<<-identifier|gateway:token:%s:%d>>", user, id)
	auth := smtp.PlainAuth("", "alerts@gateway.example", "<<+password|{{lower:16}}>>", "smtp.gateway.example")
	sess := credentials.NewStaticCredentials("<<-identifier|AKIA{{base32:16}}>>", "<<+api-key|{{base64:40}}>>", "")
	return nil
}
