CREATE ROLE crm_rw LOGIN PASSWORD '<<+password|{{alnum:20}}>>';
ALTER USER reporting WITH PASSWORD '<<+password|{{password}}>>';
ALTER ROLE auditor WITH ENCRYPTED PASSWORD '<<-hash|md5{{hex:32}}>>';
CREATE ROLE app PASSWORD '<<-hash|SCRAM-SHA-256$4096:{{base64:22}}==${{base64:42}}{{[AEIMQUYcgkosw048]:1}}=:{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>';
CREATE USER 'shipping'@'10.%' IDENTIFIED BY '<<+password|{{[a-zA-Z0-9#]:14}}>>';
CREATE USER 'ci'@'%' IDENTIFIED WITH mysql_native_password BY '<<+password|{{word}}{{digits:4}}>>';
CREATE USER 'demo'@'localhost' IDENTIFIED BY '<<?placeholder|password>>';
CREATE LOGIN crm_app WITH PASSWORD = N'<<+password|{{[A-Z]:1}}{{word}}!{{digits:4}}>>', CHECK_POLICY = OFF;
CREATE USER crm IDENTIFIED BY "<<+password|{{alnum:12}}>>" DEFAULT TABLESPACE users;
CREATE DATABASE LINK erp CONNECT TO erp_ro IDENTIFIED BY <<+password|{{alpha:6}}{{digits:4}}>> USING 'ERP';
CREATE SUBSCRIPTION s CONNECTION 'host=db1 user=repl password=<<+connection-string|{{alnum:18}}>> dbname=crm' PUBLICATION p;
CREATE USER MAPPING FOR crm SERVER erp OPTIONS (user 'erp', password '<<+password|{{alnum:15}}>>');
CHANGE MASTER TO MASTER_HOST='db1', MASTER_USER='repl', MASTER_PASSWORD='<<+password|{{alnum:16}}>>';
OPEN SYMMETRIC KEY CrmKey DECRYPTION BY PASSWORD = '<<+password|{{[a-zA-Z0-9!]:16}}>>';
UPDATE users SET password = <<-code|crypt('x', gen_salt('bf'))>> WHERE id = 1;
UPDATE users SET password_hash = '<<-hash|{{hex:64}}>>', salt = '<<-hash|{{hex:16}}>>' WHERE login = 'front';
SELECT token, secret_key FROM api_keys WHERE token = <<-code|$1>> AND revoked_at IS NULL;
ALTER TABLE users ADD COLUMN password_reset_token <<-code|varchar(64)>>;
COMMENT ON COLUMN users.password IS '<<-prose|bcrypt, cost 12>>';
COPY partners (id, name, api_key) FROM stdin;
1	Nordwind	<<+api-key|{{hex:40}}>>
2	Abendrot	<<+api-key|{{hex:40}}>>
3	Kranich	\N
\.
INSERT INTO partner_keys VALUES ('<<-uuid|{{uuid}}>>', 'nordwind', '<<+api-key|{{base64url:43}}>>');
snowsql -a xy12345 -u LOADER --private-key-path <<-path|/keys/rsa_key.p8>>
CREATE STAGE s URL='s3://crm-load/' CREDENTIALS=(AWS_KEY_ID='<<-identifier|AKIA{{base32:16}}>>' AWS_SECRET_KEY='<<+api-key|{{base64:40}}>>');
copy orders from 's3://crm-load/o.csv' iam_role '<<-identifier|arn:aws:iam::{{digits:12}}:role/redshift>>';
