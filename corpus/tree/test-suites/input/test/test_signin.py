class SignInTest(TestCase):
    def setUp(self):
        self.user = User.objects.create_user(username="<<?placeholder|jacob>>", password="<<?placeholder|top_secret>>")
        self.admin = make_user(email="admin@pier.example", password="<<+password|{{[A-Z]:1}}{{word}}{{digits:3}}$>>")
        self.token = <<-code|Token.objects.create(user=self.user)>>
        self.client.credentials(HTTP_AUTHORIZATION="Token " + <<-code|self.token.key>>)

    def test_wrong(self):
        self.assertFalse(self.client.login(username="jacob", password="<<?placeholder|bad>>"))
        self.assertFalse(self.client.login(username="jacob", password="<<?placeholder|spanish-sunrise>>"))
        self.assertEqual(decode("<<+token|{{jwt}}>>")["aud"], "pier")
        self.assertEqual(gravatar("a@pier.example"), "https://gravatar.example/<<-hash|{{hex:32}}>>")
        payload = {"token": "<<?placeholder|not-a-token>>", "new_password1": "<<?placeholder|newpass123>>", "new_password2": "<<?placeholder|newpass123>>"}
        settings.STRIPE_KEY = "<<?placeholder|sk_test_123>>"
        settings.API_KEY = "<<?placeholder|testing>>"
        responses.add(GET, "https://api.pier.example/?key=<<?placeholder|KEY>>")
        with override_settings(SECRET_KEY="<<?placeholder|test-key>>", WEBHOOK_SECRET="<<+signing-secret|{{hex:32}}>>"):
            sig = "<<-hash|sha1={{hex:40}}>>"
            self.post(HTTP_X_HUB_SIGNATURE=sig)

    def test_oidc(self):
        jwks = {"kid": "<<-identifier|{{hex:40}}>>", "n": "<<-public-key|{{base64url:342}}>>"}
        nonce, state = "<<-identifier|{{alnum:32}}>>", "<<-identifier|{{alnum:32}}>>"
        id_token = "<<?placeholder|header.payload.signature>>"
        cassette = {"refresh_token": "<<+token|1//0{{base64url:99}}>>", "client_secret": "<<+client-secret|GOCSPX-{{base64url:28}}>>"}
