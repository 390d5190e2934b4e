// filter will reemit the data if cb(err,pass) pass is <<-prose|truthy>>
// To pass it, you need to <<-prose|impersonate>> another user.
/** @param {Mixed} value The value to pass to `<<-prose|interceptor>>`. */
// get the content of a script to pass to <<-prose|js_beautify>>
// RFC: Pass requireTLS to <<-prose|envelope>> for MAIL FROM parameter
// the key is <<-prose|lowercased>>, the token is <<-prose|trimmed>>
throw new Error('password is <<-prose|required>>'); // token: <<-prose|see above>>
const K = { refreshToken: '<<?placeholder|GOOGLE_REFRESH_TOKEN>>', apiKey: '<<?placeholder|MAPS_API_KEY>>', pass: '<<?placeholder|mypass>>' };
const probe = { user: 'n@mail.example', pass: '<<+password|{{lower:2}}{{digits:6}}>>' };
