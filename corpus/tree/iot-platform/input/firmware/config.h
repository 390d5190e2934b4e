#define DEVICE_TOKEN      "<<+token|{{alnum:20}}>>"
#define WIFI_PWD          "<<+password|{{word}}{{digits:4}}>>"
#define TOKEN_BUFFER_SIZE <<-code|64>>
#define LORA_APPKEY       { <<+api-key|0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}, 0x{{HEX:2}}>> }
#define LORA_DEVEUI       "<<-identifier|{{HEX:16}}>>"
#define LORA_NWKSKEY      "<<+api-key|{{HEX:32}}>>"
static const char *BLYNK_AUTH = "<<+token|{{base64url:32}}>>";
char auth[] = "<<+token|{{hex:32}}>>"; // Blynk
const char* ssid = "delta"; const char* password = "<<+password|{{password}}>>";
#define ADAFRUIT_IO_KEY   "<<+api-key|aio_{{alnum:28}}>>"
#define THINGSPEAK_KEY    "<<+api-key|{{uppernum:16}}>>"
#define SERVICE_UUID      "<<-uuid|{{uuid}}>>"
#define PASSWORD_MAX      <<-code|(32 + 1)>>
