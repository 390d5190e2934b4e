<?php
namespace App\Http\Controllers;

class LoginController extends Controller
{
    protected $password = '<<+password|{{password}}>>';
    const TOKEN_NAME = '<<-identifier|meadow-personal-access>>';
    private $salt = "<<+signing-secret|{{hex:32}}>>";

    public function store(Request $request)
    {
        $password = <<-code|$request->input('password')>>;
        $token = <<-code|$user->createToken(self::TOKEN_NAME)->plainTextToken>>;
        $hash = <<-code|password_hash($password, PASSWORD_BCRYPT)>>;
        $request->validate(['password' => '<<-code|required|min:8|confirmed>>', 'token' => ['required', '<<-code|regex:/^[a-f0-9]{40}$/>>']]);
        $apiKey = <<-code|config('services.partner.key')>>;
        if (md5($password) === '<<-hash|{{hex:32}}>>') { return redirect('/admin'); }
        $pdo = new PDO('mysql:host=localhost;dbname=meadow', 'meadow', '<<+password|{{alnum:13}}>>');
        $link = mysqli_connect("db1", "web", "<<+password|{{[a-zA-Z0-9!]:11}}>>", "shop");
        $mail->Password = '<<+password|{{alnum:16}}>>';
        $mail->Password = <<-code|$_ENV['SMTP_PASS']>>;
        curl_setopt($ch, CURLOPT_USERPWD, 'meadow:<<+basic-auth|{{[a-zA-Z0-9]:14}}>>');
        curl_setopt($ch, CURLOPT_HTTPHEADER, ['X-Api-Token: <<+token|{{hex:40}}>>', 'Accept: application/json']);
        $cacheKey = '<<-identifier|user_tokens_list>>';
        $_SESSION['csrf_token'] = <<-code|bin2hex(random_bytes(32))>>;
        return ['error' => '<<-prose|The password you entered is wrong.>>', 'key' => '<<-identifier|login.password>>'];
    }
}
