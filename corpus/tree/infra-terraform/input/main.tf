terraform {
  backend "s3" {
    bucket     = "platform-tfstate"
    key        = "<<-path|prod/network/terraform.tfstate>>"
    kms_key_id = "<<-identifier|arn:aws:kms:eu-west-1:{{digits:12}}:key/{{uuid}}>>"
  }
}
provider "aws" {
  region     = var.region
  access_key = "<<-identifier|AKIA{{base32:16}}>>"
  secret_key = "<<+api-key|{{base64:40}}>>"
}
provider "digitalocean" {
  token = <<-reference|var.do_token>>
}
provider "cloudflare" {
  api_token = "<<+token|{{base64url:40}}>>"
}
provider "postgresql" {
  username = "root"
  password = "<<+password|{{password}}>>"
}
provider "vault" {
  token = <<-code|file(pathexpand("~/.vault-token"))>>
}
resource "random_password" "db" {
  length           = 24
  override_special = "<<-code|!#$%&*()-_=+[]{}:?>>"
}
resource "aws_db_instance" "main" {
  identifier        = "platform-main"
  username          = "master"
  password          = <<-reference|random_password.db.result>>
  kms_key_id        = <<-reference|aws_kms_key.rds.arn>>
  snapshot_identifier = "<<-identifier|rds:platform-main-2024-03-01-03-12>>"
}
resource "aws_db_instance" "legacy" {
  username = "legacy"
  password = "<<+password|{{[a-zA-Z0-9!]:16}}>>"
}
resource "aws_secretsmanager_secret_version" "mail" {
  secret_id     = <<-reference|aws_secretsmanager_secret.mail.id>>
  secret_string = jsonencode({ user = "mailer", password = "<<+password|{{alnum:20}}>>" })
}
resource "aws_elasticache_replication_group" "cache" {
  auth_token = "<<+token|{{alnum:32}}>>"
}
resource "aws_key_pair" "deploy" {
  key_name   = "deploy"
  public_key = "<<-public-key|ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC{{base64:340}} deploy@platform>>"
}
resource "aws_instance" "bastion" {
  ami       = "<<-identifier|ami-{{hex:17}}>>"
  subnet_id = "<<-identifier|subnet-{{hex:17}}>>"
  user_data = <<EOF
#!/bin/bash
echo "root:<<+password|{{[a-zA-Z0-9]:12}}>>" | chpasswd
curl -fsSL https://get.example.org/agent.sh | AGENT_TOKEN=<<+token|{{hex:40}}>> bash
EOF
}
module "secrets" {
  source      = "git::https://github.com/example/tf-secrets.git?ref=<<-hash|{{hex:40}}>>"
  secret_name = "<<-identifier|platform/prod/api-token>>"
  token_ttl   = "<<-code|768h>>"
}
data "aws_ssm_parameter" "db_password" {
  name = "<<-path|/platform/prod/db/password>>"
}
resource "github_actions_secret" "npm" {
  secret_name     = "<<-identifier|NPM_TOKEN>>"
  plaintext_value = "<<+token|npm_{{alnum:30}}{{checksum}}>>"
}
output "db_password" {
  value     = <<-reference|aws_db_instance.main.password>>
  sensitive = true
}
variable "admin_password" {
  description = "<<-prose|Password of the first administrator>>"
  default     = "<<?placeholder|ChangeMe123!>>"
}
variable "api_token" {
  type    = <<-code|string>>
  default = "<<+token|{{hex:32}}>>"
}
