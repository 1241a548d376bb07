"""An account's life through the gateway, as JSON."""


def test_registers_signs_in_and_reads_oneself(api):
    user = api.register()
    client = api.sign_in(user)
    me = client.get("/api/v1/users/me/").json()
    assert {name: me[name] for name in ("id", "username", "email")} == {
        "id": user.id,
        "username": user.username,
        "email": user.email,
    }
