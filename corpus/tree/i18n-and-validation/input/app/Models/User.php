<?php
public static $rules = [
    'password' => '<<-code|required|between:60,60>>',
    'secret' => '<<-code|string|max:60>>',
    'token' => '<<-code|nullable|uuid>>',
    'api_key' => ['required', '<<-code|regex:/^[A-Z]{4}-[0-9]{6}$/>>'],
    'password_confirmation' => '<<-code|same:password>>',
];
protected $hidden = ['password', '<<-identifier|remember_token>>'];
protected $casts = ['password' => '<<-code|hashed>>', 'secret' => '<<-code|encrypted>>'];
const DEMO_PASSWORD = '<<+password|{{alnum:10}}>>';
$secret = '<<+client-secret|{{alnum:43}}>>';
