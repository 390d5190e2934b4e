-- MySQL dump 10.13  Distrib 8.0.36
-- Host: db3    Database: crm
DROP TABLE IF EXISTS `users`;
CREATE TABLE `users` (
  `id` int NOT NULL AUTO_INCREMENT,
  `email` varchar(190) NOT NULL,
  `password` <<-code|varchar(255)>> NOT NULL DEFAULT '',
  `api_token` <<-code|char(60) DEFAULT NULL>>,
  `reset_token` varchar(100) <<-code|COLLATE utf8mb4_unicode_ci>>,
  PRIMARY KEY (`id`), UNIQUE KEY `<<-identifier|users_api_token_unique>>` (`api_token`)
);
INSERT INTO `users` (`id`,`email`,`password`,`api_token`) VALUES
(1,'root@crm.example','<<-hash|$2y$10${{alnum:53}}>>','<<+token|{{alnum:60}}>>'),
(2,'ada@crm.example','<<-hash|$2y$10${{alnum:53}}>>','<<+token|{{alnum:60}}>>'),
(3,'bo@crm.example','<<-hash|$2y$10${{alnum:53}}>>',NULL);
INSERT INTO `legacy_logins` (`login`, `password`, `note`) VALUES ('front', '<<+password|{{word}}{{digits:2}}>>', 'till 2'), ('kitchen', '<<+password|{{word}}{{digits:4}}>>', NULL);
INSERT INTO `legacy_logins` (`login`, `password`, `note`) VALUES ('office', '<<+password|{{[a-zA-Z0-9!]:9}}>>', 'Susi');
INSERT INTO `settings` VALUES (1,'smtp_password','<<+password|{{alnum:14}}>>'),(2,'smtp_host','mail.crm.example');
INSERT INTO `settings` VALUES (3,'stripe_secret_key','<<+api-key|sk_live_51{{alnum:97}}>>'),(4,'currency','EUR');
INSERT INTO `settings` VALUES (5,'google_maps_key','<<+api-key|AIzaSy{{base64url:33}}>>'),(6,'password_min_length','<<-code|10>>');
INSERT INTO `settings` VALUES (7,'webhook_token','<<+token|{{hex:48}}>>'),(8,'session_name','<<-identifier|crm_session>>');
INSERT INTO `sessions` VALUES ('<<+session|{{alnum:40}}>>',1,'203.0.113.9','Mozilla/5.0','<<-code|YTozOntzOjY6Il90b2tlbiI7{{base64:80}}==>>',1707650000);
INSERT INTO `migrations` VALUES (1,'<<-identifier|2014_10_12_100000_create_password_resets_table>>',1),(2,'<<-identifier|2019_12_14_000001_create_personal_access_tokens_table>>',1);
INSERT INTO `files` VALUES (1,'offer.pdf','<<-hash|{{hex:32}}>>','<<-uuid|{{uuid}}>>'),(2,'logo.png','<<-hash|{{hex:64}}>>','<<-uuid|{{uuid}}>>');
INSERT INTO `oauth_clients` VALUES (1,NULL,'Password Grant Client','<<+client-secret|{{alnum:40}}>>','http://localhost',0,1,0);
INSERT INTO `personal_access_tokens` VALUES (1,'User',2,'phone','<<-hash|{{hex:64}}>>','["*"]',NULL);
INSERT INTO `translations` VALUES (11,'de','login.password','<<-prose|Passwort>>'),(12,'fr','login.password','<<-prose|Mot de passe>>');
GRANT USAGE ON *.* TO `crm`@`%` IDENTIFIED BY PASSWORD '<<-hash|*{{HEX:40}}>>';
SET PASSWORD FOR 'crm'@'%' = '<<+password|{{[a-zA-Z0-9!]:12}}>>';
