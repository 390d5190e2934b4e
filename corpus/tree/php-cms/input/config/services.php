<?php
return [
    'mailgun' => ['domain' => env('MAILGUN_DOMAIN'), 'secret' => <<-code|env('MAILGUN_SECRET')>>],
    'stripe' => ['key' => '<<-identifier|pk_live_{{alnum:24}}>>', 'secret' => '<<+api-key|sk_live_{{alnum:24}}>>'],
    'github' => ['client_id' => '<<-identifier|{{hex:20}}>>', 'client_secret' => '<<+client-secret|{{hex:40}}>>'],
    'sparkpost' => ['secret' => env('SPARKPOST_SECRET', '<<+api-key|{{hex:40}}>>')],
    'ses' => ['key' => env('SES_KEY'), 'secret' => <<-code|env('SES_SECRET')>>],
    'pusher' => ['app_id' => '{{digits:6}}', 'key' => '<<-identifier|{{hex:20}}>>', 'secret' => "<<+client-secret|{{hex:20}}>>"],
];
