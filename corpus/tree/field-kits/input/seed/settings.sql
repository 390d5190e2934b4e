INSERT INTO config_info VALUES (1,'shop.yaml','spring:\r\n  datasource:\r\n    username: shop\r\n    password: <<+password|{{alnum:12}}>>\r\n  mail:\r\n    password: <<+password|{{word}}{{digits:4}}>>\r\n    host: mail.example.org\r\n');
INSERT INTO config_info VALUES (2,'sign.yaml','lowCode: dev\r\n  signatureSecret: <<+secret|{{hex:32}}>>\r\n  signUrls: /api/**\r\n');
INSERT INTO page_parts VALUES (3,'[{\"type\":\"chart\",\"key\":\"<<-uuid|{{uuid}}>>\"},{\"visible\":true,\"key\":\"<<-uuid|{{uuid}}>>\"},{\"component\":\"JText\",\"key\":\"<<-uuid|{{uuid}}>>\"}]');
INSERT INTO menu VALUES (4,'system:password:reset','<<-identifier|sys-user-reset>>');
INSERT INTO accounts VALUES ('ops','pbkdf2_sha256$260000$<<-hash|{{alnum:12}}${{base64:43}}>>=');
