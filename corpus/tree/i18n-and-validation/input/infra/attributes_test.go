resource.TestCheckResourceAttrSet("kubernetes_secret.test", "<<-identifier|metadata.0.resource_version>>"),
resource.TestCheckResourceAttr("vault_token.foo", "<<-identifier|policies.{{digits:10}}>>", "root"),
resource.TestCheckResourceAttr("aws_db_instance.x", "password", "<<?placeholder|Mustbe8characters>>"),
const config = `resource "x" "y" { admin_password = "<<+password|{{[A-Z]:1}}{{word}}{{digits:4}}!>>" shared_secret = "<<+password|{{alnum:64}}>>" }`
const doc = `password = "<<?placeholder|MyP@ssw0rd>>" token = "<<?placeholder|12345abcdef>>"`
TokenID: "<<?placeholder|12345abcdef>>", SecretName: "<<-identifier|tf-acc-test-secret-{{digits:6}}>>",
