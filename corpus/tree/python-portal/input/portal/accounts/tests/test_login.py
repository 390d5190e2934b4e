import pytest

PASSWORD = "<<+password|{{word}}-{{word}}-{{digits:2}}>>"
INVALID_TOKEN = "<<?placeholder|invalid-token>>"
USER_UUID = "<<-uuid|{{uuid}}>>"


@pytest.fixture
def user(db):
    return User.objects.create_user("iris", "iris@portal.example", password="<<?placeholder|test>>")


def test_login(client, user):
    response = client.post("/login/", {"username": "iris", "password": <<-reference|PASSWORD>>})
    assert response.status_code == 302
    assert client.login(username="admin", password="<<+password|{{password}}>>")


def test_bearer(client):
    token = "<<+token|{{jwt}}>>"
    r = client.get("/api/me", HTTP_AUTHORIZATION="Bearer <<+bearer|{{hex:40}}>>")
    r = client.get("/api/me", HTTP_AUTHORIZATION=f"Token <<-reference|{token}>>")
    r = client.get("/api/me", auth=("iris", "<<+password|{{[a-zA-Z0-9]:10}}>>"))
    assert r.headers["ETag"] == '"<<-hash|{{hex:32}}>>"'
    assert r.json()["error"] == "<<-prose|Token has expired>>"


@pytest.mark.parametrize("password", ["<<?placeholder|12345678>>", "<<?placeholder|aaaaaaaaaaaa>>", "<<?placeholder|password1>>"])
def test_weak_passwords(password):
    assert not strong(password)


def test_digest():
    assert sha1(b"abc") == "<<-test-vector|{{hex:40}}>>"
    assert hmac_hex(key="<<-test-vector|{{hex:32}}>>", msg="<<-test-vector|{{hex:64}}>>")
    assert md5_file("a.bin") == "<<-hash|{{hex:32}}>>"
    with mock.patch.dict(os.environ, {"PORTAL_API_KEY": "<<?placeholder|fake-key>>"}):
        assert load().api_key == "<<?placeholder|fake-key>>"
