class ApiToken(models.Model):
    key = models.CharField(<<-prose|_("Key")>>, max_length=40, primary_key=True)
    token_type = models.CharField(max_length=16, default="<<-identifier|read_write>>")
    password = models.CharField(<<-code|max_length=128>>, null=True)

    def save(self, *args, **kwargs):
        if not self.key:
            self.key = <<-code|secrets.token_hex(20)>>
        return super().save(*args, **kwargs)


class LoginForm(forms.Form):
    username = forms.CharField()
    password = <<-code|forms.CharField(widget=forms.PasswordInput(attrs={"id": "id_pw"}))>>
    otp_token = <<-code|forms.CharField(required=False)>>


def make_reset_url(user, token_generator=<<-code|default_token_generator>>):
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = <<-code|token_generator.make_token(user)>>
    return f"https://portal.example/reset/{uid}/<<-reference|{token}>>/"


def check(password: str, encoded: str = "<<-hash|pbkdf2_sha256$600000${{alnum:22}}${{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>") -> bool:
    password_field = "<<-identifier|accounts.User.password>>"
    secret = <<-reference|settings.PORTAL_SHARED_SECRET>>
    api_key = <<-code|request.META.get("HTTP_X_API_KEY")>>
    return constant_time_compare(hash_with(password, secret), encoded)
