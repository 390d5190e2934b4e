import os
import paho.mqtt.client as mqtt

WIKI_AUTH_KEY = os.getenv("WIKI_AUTH_KEY", "<<+key|{{alnum:24}}>>")
PANEL_PASSWORD = os.getenv("PANEL_PASSWORD", "<<?placeholder|changeme>>")
client = mqtt.Client("kit-7")
client.username_pw_set("sensor", "<<+password|{{alnum:12}}>>")
client.username_pw_set("sensor", <<-code|settings.broker_password>>)
secrets = {"ssid": "bench", "password": "<<+password|{{password}}>>"}
TOKEN_KIND = "<<-identifier|refresh>>"
