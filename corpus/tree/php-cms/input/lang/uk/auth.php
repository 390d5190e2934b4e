<?php
return [
    'failed' => '<<-prose|Невірний логін або пароль.>>',
    'password' => '<<-prose|Неправильний пароль.>>',
    'new_password' => '<<-prose|Новий пароль>>',
    'token' => '<<-prose|Недійсний токен>>',
];
