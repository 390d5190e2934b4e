api_token <- "<<+token|{{HEX:32}}>>"
redcap_key <- Sys.getenv("REDCAP", unset = "<<+api-key|{{HEX:32}}>>")
options(cds_key = "<<-identifier|{{digits:6}}>>:<<+api-key|{{uuid}}>>")
wf_set_key(user = "{{digits:6}}", key = "<<+api-key|{{uuid}}>>", service = "cds")
password <- <<-code|keyring::key_get("lab")>>
entrez_key <- "<<+api-key|{{hex:36}}>>"
census_api_key("<<+api-key|{{hex:40}}>>", install = TRUE)
