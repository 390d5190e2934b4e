<?php
define( 'DB_USER', '<<?placeholder|username_here>>' );
define( 'DB_PASSWORD', '<<?placeholder|password_here>>' );
define( 'AUTH_KEY', '<<?placeholder|put your unique phrase here>>' );
define( 'SECURE_AUTH_KEY', '<<?placeholder|put your unique phrase here>>' );
define( 'LOGGED_IN_KEY', '<<?placeholder|put your unique phrase here>>' );
