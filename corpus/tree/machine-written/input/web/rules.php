<?php
$rules = [
  'password' => '<<-code|confirmed>>',
  'old_password' => '<<-code|between:8,60>>',
  'api_token' => '<<-code|exists:users,token>>',
  'hostKey' => '<<-hash|SHA256:{{base64:42}}8>>',
  'ssh_key' => '<<-public-key|AAAAB3NzaC1yc2EAAAADAQABAAAAgQ{{base64:24}}>>',
  'access_token' => '<<?placeholder|eyJhbGciOiJIUzI1NiJ9.valid-token>>',
  'app_key' => '<<?placeholder|S0m3R@nd0mStr1ngOf32Ch@rsEx@ctly>>',
  'management_key' => '<<?placeholder|mgmt_abc123def456ghi789jkl012>>',
  'smtp_password' => '<<+password|{{alnum:14}}>>',
];
