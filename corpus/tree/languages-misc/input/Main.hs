dbPassword :: <<-code|ByteString>>
dbPassword = "<<+password|{{alnum:14}}>>"
token <- <<-code|lookupEnv "TOKEN">>
secretKey = <<-code|fromMaybe (error "no key")>>
