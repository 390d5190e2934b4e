curl -s -X POST -H "Authorization: Bearer <<+token|{{jwt}}>>" http://hub:8123/api/services/light/turn_off
curl -s "http://10.0.0.40/cm?user=admin&password=<<+password|{{alnum:9}}>>&cmnd=Power%20Off"
curl -s "https://maker.ifttt.com/trigger/night/with/key/<<+api-key|{{base64url:43}}>>"
mosquitto_pub -h hub -u night -P '<<+password|{{[a-zA-Z0-9!]:12}}>>' -t night -m on
sshpass -p <<+password|{{word}}{{digits:2}}>> ssh root@10.0.0.2 poweroff
