CREATE TABLE shares (
  password_iter <<-code|INT4>>,
  password_hash <<-code|BYTEA>>,
  api_token <<-code|VARCHAR2>>
);
CREATE USER 'ridge'@'%' IDENTIFIED BY '<<+password|{{password}}>>';
