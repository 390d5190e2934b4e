new Column<AppInfo>('appSecret', '<<-identifier|admin.oauth2.mobile-app-secret>>', '350px');
const hint = generated ? '<<-identifier|admin.oauth2.update-access-token>>' : '<<-identifier|admin.oauth2.generate-access-token>>';
export const FeatureFlags = { RotateUserApiKeyCommand: '<<-identifier|pm-{{digits:5}}-rotate-user-api-key-command>>', TokenRefresh: '<<-identifier|pm-{{digits:5}}-token-refresh>>' };
export const selectors = { password: '<<-identifier|[data-testid=password-input]>>', token: '<<-identifier|.token__value>>' };
encryptedPrivateKey = '<<?placeholder|v1-encryptedPrivateKey>>'; wrappedKey = '<<-ciphertext|7.{{base64:22}}==>>';
const credentialId = '<<-identifier|{{base64url:22}}>>'; const publicKeyCredential = <<-code|await navigator.credentials.create(o)>>;
const iconSecret = '<<-path|assets/icons/secret-key.svg>>';
const keyboardShortcut = { key: '<<-identifier|ctrl+shift+k>>', token: <<-code|Symbol('token')>> };
