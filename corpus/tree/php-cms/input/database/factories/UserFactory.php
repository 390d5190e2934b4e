<?php
return [
    'name' => $this->faker->name(),
    'password' => '<<?placeholder|$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi>>', // password
    'remember_token' => <<-code|Str::random(10)>>,
    'api_token' => <<-code|hash('sha256', 'x')>>,
];
