#include <WiFi.h>
#define WLAN_SSID "workshop-2"
#define WLAN_PASS "<<+password|{{word}}{{digits:4}}>>"
#define APPSK "<<+password|{{alnum:10}}>>"
// In your own sketch:
// #define WLAN_PASS "<<?placeholder|YOURWIFIPASS>>"
const char* psk = "<<+password|{{password}}>>";
const char *otaPass = "<<+password|{{alnum:12}}>>";
static const char mqtt_psw[] = "<<+password|{{alnum:9}}>>";
#define KEY_REPEAT_MS <<-number|450>>
#define KEY_CODE_LEFT "<<-code|ArrowLeft>>"

void setup() {
  WiFi.begin(WLAN_SSID, WLAN_PASS);
  WiFi.begin("bench", "<<+password|{{alnum:11}}>>");
  WiFi.softAP("kit-setup", "<<+password|{{word}}{{word}}{{digits:2}}>>");
  client.setCredentials("gateway", "<<+password|{{alnum:13}}>>");
  Serial.println(joined ? "Pass" : "<<-code|Fail!>>");
  Serial.printf("password: %s\n", <<-code|mask(psk)>>);
}
