INSERT INTO "User" ("Email","MasterPassword","ApiKey","SecurityStamp") VALUES ('ines@lagoon.example','<<-hash|AQAAAAEAACcQAAAAE{{base64:66}}==>>','<<+api-key|{{alnum:30}}>>','<<-uuid|{{uuid}}>>');
INSERT INTO "OrganizationApiKey" VALUES ('<<-uuid|{{uuid}}>>','<<-uuid|{{uuid}}>>',0,'<<+api-key|{{alnum:30}}>>','2024-01-01');
INSERT INTO "Device" VALUES ('<<-uuid|{{uuid}}>>','chrome','<<-uuid|{{uuid}}>>','<<+token|{{base64url:22}}:APA91b{{base64url:134}}>>');
UPDATE "User" SET "TwoFactorProviders" = '{"0":{"Enabled":true,"MetaData":{"Key":"<<+token|{{base32:32}}>>"}}}' WHERE "Email" = 'ines@lagoon.example';
