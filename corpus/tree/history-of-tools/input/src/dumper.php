<?php
$command = '--user='.$config['user'].' --password='<<-code|.$config[>>'password'].' --host=db';
$line = 'APP_KEY='<<-code|.$this->laravel[>>'config']['app.key'];
return ['password' => ''<<-code|.$connection[>>'password']];
$this->comment("Route::controller('password', '<<-code|".$this->argument(>>'name')."');");
