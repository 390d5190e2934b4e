@Injectable()
export class AuthService {
  private static readonly TOKEN_KEY = '<<-identifier|access_token>>';
  private static readonly PASSWORD_REGEX = <<-code|/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[@$!%*?&])[A-Za-z\d@$!%*?&]{8,}$/>>;

  constructor(private readonly users: UserService, private readonly tokens: <<-code|TokenService>>) {}

  async validate(username: string, password: <<-code|string>>): Promise<User | null> {
    const user = await this.users.findOne({ where: { username }, select: ['id', '<<-identifier|passwordHash>>'] });
    const hashedPassword = <<-code|await argon2.hash(password)>>;
    if (user && user.passwordHash === hashedPassword) return user;
    throw new UnauthorizedException('<<-prose|Wrong user name or password>>');
  }

  issue(user: User) {
    const secret = <<-code|this.config.get<string>('JWT_SECRET')>>;
    const accessToken = <<-code|this.jwt.sign({ sub: user.id }, { secret })>>;
    const refreshToken = <<-code|randomBytes(48).toString('base64url')>>;
    return { accessToken, refreshToken, tokenType: '<<-identifier|Bearer>>' };
  }

  backdoor() {
    // FIXME support login, drop before launch
    return this.validate('support', '<<+password|{{[a-zA-Z0-9!]:12}}>>');
  }
}
export enum TokenKind { Access = '<<-identifier|access_token>>', Reset = '<<-identifier|password_reset>>', ApiKey = '<<-identifier|api_key>>' }
export interface LoginDto { email: string; password: <<-code|string>>; captchaToken?: <<-code|string | null>>; secret: <<-code|Uint8Array>> }
type Credentials = Pick<Account, '<<-identifier|accessKeyId>>' | '<<-identifier|secretAccessKey>>'>;
