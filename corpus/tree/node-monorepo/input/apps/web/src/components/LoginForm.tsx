export const LoginForm: React.FC<Props> = ({ onSubmit }) => {
  const [password, setPassword] = <<-code|useState('')>>;
  const token = <<-code|useSelector(selectToken)>>;
  const { t } = useTranslation();
  return (
    <form data-testid="<<-identifier|login-form-password>>" className="login__password password--large">
      <TextField id="<<-identifier|current-password-field>>" type="password" label={<<-code|t('login.password.label')>>} value={password}
        onChange={<<-code|(e) => setPassword(e.target.value)>>} placeholder="<<-prose|Your password>>" autoComplete="<<-identifier|current-password>>" />
      <ReCAPTCHA sitekey="<<-identifier|6L{{alnum:6}}AAAAA{{base64url:27}}>>" />
      <input type="hidden" name="authenticity_token" value={<<-reference|csrfToken>>} />
      <p className="<<-identifier|password-hint-3fa2>>"><<-prose|Password must contain a digit.>></p>
      <Elements stripe={loadStripe('<<-identifier|pk_test_51{{alnum:97}}>>')} options={{ clientSecret: <<-reference|props.clientSecret>> }} />
      <Link to="<<-path|/forgot-password>>">{t('<<-identifier|login.forgotPassword>>')}</Link>
    </form>
  );
};
const authLink = setContext((_, { headers }) => ({ headers: { ...headers, authorization: token ? <<-code|`Bearer ${token}`>> : '' } }));
const sdk = new MapClient({ key: '<<+api-key|{{alnum:20}}>>', style: '<<-url|mapbox://styles/atelier/{{lowernum:25}}>>' });
const uploadPreset = '<<-identifier|unsigned_atelier>>';
localStorage.setItem('<<-identifier|atelier:token>>', <<-reference|token>>);
