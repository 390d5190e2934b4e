provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.31.0"
  constraints = "~> 5.0"
  hashes = [
    "h1:<<-hash|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>",
    "zh:<<-hash|{{hex:64}}>>",
    "zh:<<-hash|{{hex:64}}>>",
    "zh:<<-hash|{{hex:64}}>>",
  ]
}
