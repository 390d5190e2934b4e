library(RPostgres)
con <- dbConnect(Postgres(), user = "quarry", password = "<<+password|{{password}}>>", dbname = "quarry")
Sys.setenv(AWS_SECRET_ACCESS_KEY = "<<+api-key|{{base64:40}}>>")
api_key <- "<<+api-key|{{hex:32}}>>"
token <- <<-code|readRDS("token.rds")>>
password <- <<-code|rstudioapi::askForPassword()>>
register_google(key = "<<+api-key|AIzaSy{{base64url:33}}>>")
auth <- authenticate("quarry", "<<+password|{{alnum:12}}>>")
key <- "<<-identifier|sample_id>>"
