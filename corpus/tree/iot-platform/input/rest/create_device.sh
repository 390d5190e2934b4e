DEVICE_TOKEN="<<+token|{{alnum:20}}>>"
PROVISION_KEY=<<-identifier|{{lowernum:20}}>>
PROVISION_SECRET=<<+client-secret|{{lowernum:20}}>>
mosquitto_pub -h iot.delta.example -t v1/devices/me/telemetry -u "<<+token|{{alnum:20}}>>" -m '{"t":21}'
mosquitto_pub -h iot.delta.example -u "<<-reference|$DEVICE_TOKEN>>" -m '{"t":21}'
mosquitto_sub -h broker -u panel -P <<+password|{{alnum:12}}>> -t '#'
coap-client -m post coap://iot.delta.example/api/v1/<<+token|{{alnum:20}}>>/telemetry -e '{"t":1}'
curl -X POST https://iot.delta.example/api/v1/<<?placeholder|$ACCESS_TOKEN>>/attributes
curl -X POST https://iot.delta.example/api/auth/login -d '{"username":"tenant@delta.example","password":"<<+password|{{password}}>>"}'
curl -H "X-Authorization: Bearer <<+token|{{jwt}}>>" https://iot.delta.example/api/devices
