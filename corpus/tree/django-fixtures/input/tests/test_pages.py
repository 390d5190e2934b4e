PAGE_TOKEN = "<<-identifier|ChB{{base64url:28}}>>"
NEXT = "https://api.meadow.example/list?pageToken=<<-identifier|ChB{{base64url:40}}>>&maxResults=1"
params["ClientRequestToken"] = "<<-code|Meadow-Stack-Create-{0}>>".format(op)
EXERCISE_API_KEY = "<<-code|base-uuid-{0}>>"
api_key = "<<-code|apikey-{0}>>".format(user)
data["password1"] = "<<+password|{{[A-Z]:1}}{{lower:7}}{{digits:2}}{{lower:3}}>>"
data["password2"] = "<<+password|{{[A-Z]:1}}{{lower:7}}{{digits:2}}{{lower:3}}>>"
bad = {"password": "<<?placeholder|abc>>", "token": "<<?placeholder|abc-11223344556677889900>>"}
token = "<<?placeholder|checkout_123>>"
raw_token = "<<?placeholder|test2_token1234>>"
disk_encryption_key_raw = "<<?placeholder|SGVsbG8gZnJvbSBNZWFkb3cgVGVzdHM=>>"
signed = "https://s3.example/x?X-Amz-Credential=<<-identifier|AKIA{{base32:16}}/20240101/eu-west-1/s3/aws4_request>>&X-Amz-Signature=<<-hash|{{hex:64}}>>&X-Amz-Security-Token=<<+token|IQoJb3JpZ2luX2Vj{{base64:300}}>>"
self.assertEqual(hmac("password"), "<<-hash|{{hex:64}}>>")
RECAPTCHA_PRIVATE_KEY = "<<?placeholder|6LeIxAcTAAAAAGG-{{base64url:24}}>>"
