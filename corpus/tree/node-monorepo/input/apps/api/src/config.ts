import { z } from 'zod';

export const configSchema = z.object({
  DATABASE_URL: <<-code|z.string().url()>>,
  JWT_SECRET: <<-code|z.string().min(32)>>,
  API_TOKEN: z.string().default('<<+token|{{hex:40}}>>'),
  SMTP_PASSWORD: <<-code|z.string().optional()>>,
});
export const jwtSecret = process.env.JWT_SECRET || '<<+signing-secret|{{alnum:32}}>>';
export const sessionSecret = process.env.SESSION_SECRET ?? '<<?placeholder|keyboard cat>>';
export const apiKey = <<-reference|process.env.API_KEY!>>;
export const password = <<-reference|import.meta.env.VITE_PASSWORD>>;
export const cookieOptions = { name: '<<-identifier|atelier.sid>>', keys: ['<<+signing-secret|{{base64url:32}}>>', '<<+signing-secret|{{base64url:32}}>>'] };
export const oauth = {
  clientId: '<<-identifier|{{digits:12}}-{{lowernum:32}}.apps.googleusercontent.com>>',
  clientSecret: '<<+client-secret|GOCSPX-{{base64url:28}}>>',
  tokenUrl: '<<-url|https://oauth2.googleapis.com/token>>',
  redirectUri: '<<-url|https://atelier.example/auth/callback>>',
};
export const db = {
  host: 'localhost', user: 'atelier', password: '<<+password|{{password}}>>', database: 'atelier',
};
export const mongo = 'mongodb://atelier:<<+connection-string|{{alnum:16}}>>@mongo.atelier.example:27017/atelier?authSource=admin';
export const mongoLocal = `mongodb://<<-reference|${user}:${password}>>@localhost:27017/atelier`;
export const firebaseConfig = {
  apiKey: '<<+api-key|AIzaSy{{base64url:33}}>>',
  authDomain: 'atelier-prod.firebaseapp.com',
  projectId: 'atelier-prod',
  messagingSenderId: '<<-identifier|{{digits:12}}>>',
  appId: '<<-identifier|1:{{digits:12}}:web:{{hex:22}}>>',
  measurementId: '<<-identifier|G-{{uppernum:10}}>>',
};
export const ENC_KEY = Buffer.from('<<+api-key|{{hex:64}}>>', 'hex');
export const salt = <<-code|bcrypt.genSaltSync(10)>>;
