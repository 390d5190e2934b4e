var errorCodes = map[string]string{
	"ErrInvalidToken":   "<<-identifier|invalid_token>>",
	"ErrPasswordReuse":  "<<-identifier|password_reuse_not_allowed>>",
	"ErrSecretNotFound": "<<-prose|secret not found>>",
	"ErrKeyTooLong":     "<<-identifier|KeyTooLongError>>",
}
var awsActions = []string{"<<-identifier|ecr:GetAuthorizationToken>>", "<<-identifier|sts:GetSessionToken>>", "<<-identifier|secretsmanager:GetSecretValue>>"}
var metric = "<<-identifier|auth_token_refresh_seconds_bucket>>"
const CredentialID = "<<-identifier|{{alnum:16}}>>"
const keyFingerprint = "<<-hash|SHA256:{{base64:43}}>>"
