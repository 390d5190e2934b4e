<?php
define( 'DB_NAME', 'wp_meadow' );
define( 'DB_USER', 'wp_meadow' );
define( 'DB_PASSWORD', '<<+password|{{[a-zA-Z0-9!@#%]:18}}>>' );
define( 'DB_HOST', 'localhost' );
define( 'AUTH_KEY',         '<<+signing-secret|{{[a-zA-Z0-9!#%&()*+,./:;=?@^_|~-]:64}}>>' );
define( 'SECURE_AUTH_KEY',  '<<+signing-secret|{{[a-zA-Z0-9!#%&()*+,./:;=?@^_|~-]:64}}>>' );
define( 'LOGGED_IN_KEY',    '<<+signing-secret|{{[a-zA-Z0-9!#%&()*+,./:;=?@^_|~-]:64}}>>' );
define( 'NONCE_KEY',        '<<?placeholder|put your unique phrase here>>' );
define( 'AUTH_SALT',        '<<+signing-secret|{{[a-zA-Z0-9!#%&()*+,./:;=?@^_|~-]:64}}>>' );
define( 'NONCE_SALT',       '<<?placeholder|put your unique phrase here>>' );
define( 'FTP_PASS', '<<+password|{{alnum:12}}>>' );
define( 'JETPACK_TOKEN_OPTION', '<<-identifier|jetpack_private_options>>' );
$table_prefix = '<<-identifier|wp_8fk2_>>';
