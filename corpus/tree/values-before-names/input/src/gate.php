<?php
if ('<<+password|{{word}}{{digits:3}}!>>' === $password) { grant(); }
if (hash_equals('<<+token|{{hex:40}}>>', $token)) { grant(); }
if (hash_equals(<<-code|$expected>>, $token)) { grant(); }
if ('' === $password || '<<-code|token>>' === $kind) { refuse(); }
if ('<<-hash|{{hex:32}}>>' === md5($body)) { refuse(); }
