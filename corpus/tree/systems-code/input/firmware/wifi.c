#include "config.h"
#define WIFI_SSID      "relay-lab"
#define WIFI_PASSWORD  "<<+password|{{password}}>>"
#define MQTT_USER      "sensor"
#define MQTT_PASS      "<<+password|{{alnum:12}}>>"
#define OTA_TOKEN      "<<+token|{{hex:32}}>>"
#define API_KEY_LEN    <<-code|32>>
#define PASSWORD_PROMPT "<<-prose|Password: >>"
#define DEFAULT_PSK    "<<?placeholder|YOUR_WIFI_PASSWORD>>"
#define SERVICE_UUID   "<<-uuid|{{uuid}}>>"
static const char *key = "<<+api-key|{{alnum:24}}>>";
static const uint8_t aes_key[16] = { <<+api-key|0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}, 0x{{hex:2}}>> };
static char password[<<-code|MAX_PASSWORD_LEN>>];

int login(struct session *s, const char *user, const char *password)
{
	const char *token = <<-code|strtok(buf, " \t")>>;
	char *passwd = <<-code|getpass("Password: ")>>;
	if (strcmp(password, "<<+password|{{word}}{{digits:2}}>>") == 0)
		return 1;
	if (key == <<-code|KEY_ENTER>> || token->type == <<-code|TOKEN_STRING_LITERAL>>)
		return 0;
	snprintf(buf, sizeof(buf), "Authorization: Basic <<-code|%s>>\r\n", b64);
	snprintf(buf, sizeof(buf), "GET /u?key=<<+api-key|{{uppernum:16}}>>&field1=%d", value);
	mysql_real_connect(db, "10.2.0.1", "relay", "<<+password|{{[a-zA-Z0-9]:11}}>>", "relay", 0, NULL, 0);
	curl_easy_setopt(curl, CURLOPT_USERPWD, "relay:<<+basic-auth|{{alnum:10}}>>");
	log_err("<<-prose|invalid password for user %s>>", user);
	return check_sha1(out, "<<-hash|{{hex:40}}>>");
}
