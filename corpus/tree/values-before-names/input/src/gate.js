if ('<<+token|{{alnum:36}}>>' === req.headers.token) next();
if ('<<-code|password>>' === field.type) mask(field);
if ('<<-identifier|{{lowernum:12}}>>' === route.name || !user.password) redirect('/login');
expect('<<-code|session_token>>' == cookie.name);
