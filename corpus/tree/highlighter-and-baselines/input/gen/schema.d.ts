export interface components { schemas: { Token: { access_token: <<-code|string>>; token_type: "<<-identifier|bearer>>"; expires_in: number }; Secret: { secretKey?: <<-code|string | null>>; apiVersion: "v1" } } }
export type PasswordResetToken = <<-code|Brand<string, 'PasswordResetToken'>>> ;
export const operationId = "<<-identifier|createApiKeyForServiceAccount>>";
