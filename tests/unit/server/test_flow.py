"""The main way through the exchange, with a real server."""

from __future__ import annotations

from tests.serving import ServerThread
from tests.unit.server.api import (
    Person,
    Recipient,
    iter_mails,
    make_content,
    make_slot,
    wait_for,
)


def test_upload_share_open_read_revoke(server: ServerThread, sender: Person) -> None:
    data = server.exchange.settings.data
    content = make_content()
    package_id = sender.upload(content)
    share = sender.share(package_id)
    assert share["state"] == "held"
    wait_for(lambda: sender.ok("GET", f"/v1/shares/{share['share_id']}")["mail"] == "sent")
    mail = next(iter_mails(data))
    assert mail["To"] == "dr@c.example"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert share["link"].encode() in body

    recipient = Recipient(server.url, share["link"], data)
    verified = recipient.verify()
    assert verified["organisation"] == "Hospital A"
    assert verified["kdf"] == make_slot()["kdf"]
    assert verified["package"] == {"size": len(content)}
    opened = recipient.open(verified["session"]).json()
    assert opened["slot"] == make_slot()
    headers = {"Authorization": f"Bearer {opened['content']['token']}"}
    got = recipient.get(opened["content"]["url"], headers={**headers, "Range": "bytes=1000-1099"})
    assert (got.status_code, got.content) == (206, content[1000:1100])
    copy = recipient.get(opened["copy"]["url"])
    assert copy.content[:100] + copy.content[1124:] == content[:100] + content[1124:]
    assert make_slot()["wrapped"].encode() in copy.content[100:1124]
    path = f"/v1/shares/{share['share_id']}"
    wait_for(lambda: sender.ok("GET", path)["state"] == "downloaded")

    sender.ok("POST", f"/v1/shares/{share['share_id']}:revoke")
    assert recipient.get(opened["content"]["url"], headers=headers).status_code == 401
    assert recipient.get(opened["copy"]["url"]).status_code == 401
    assert sender.get(f"/v1/packages/{package_id}/content").content == content

    sender.ok("DELETE", f"/v1/packages/{package_id}")
    wait_for(lambda: sender.ok("GET", f"/v1/packages/{package_id}")["state"] == "purged")
    assert not list(server.exchange.store.iter_keys())
