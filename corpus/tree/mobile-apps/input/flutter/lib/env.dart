class Env {
  static const apiToken = '<<+token|{{base64url:40}}>>';
  static const sentryDsn = '<<-url|https://{{hex:32}}@o{{digits:6}}.ingest.sentry.io/{{digits:7}}>>';
  static const tokenKey = '<<-identifier|auth_token_v2>>';
  static const secret = String.fromEnvironment('<<-identifier|CLIENT_SECRET>>');
  static final password = <<-code|dotenv.env['PASSWORD']>>;
  final TextEditingController passwordController = <<-code|TextEditingController()>>;
  static const demoPassword = '<<+password|{{[A-Z]:1}}{{word}}{{digits:4}}>>';
}
