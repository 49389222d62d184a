"""Refreshing the index before a plan: on a real mailbox, again only if it is not fresh, and honest when it is down."""

from __future__ import annotations

import datetime as dt
from email.message import EmailMessage
from pathlib import Path

from fixtures_items import MailAccount

from pipelines.estate import Estate
from pipelines.scan import index
from pipelines.scan.refresh import refresh

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
MINUTES = dt.timedelta(minutes=5)
MAP = """
store: mail
datasets:
  messages:
    source: "{source}"
    controller: JULIEN
    approved: {{by: dpo, on: 2026-06-01}}
"""


def estate(folder: Path, url: str, source: str = "*") -> Estate:
    (folder / "data_map").mkdir(exist_ok=True)
    (folder / "data_map" / "mail.yaml").write_text(MAP.format(source=source))
    (folder / "ardoise.toml").write_text(
        f'[estate]\nname = "E"\n[controllers.JULIEN]\npolicy = "julien"\n[stores.mail]\nkind = "imap"\nread = "{url}"\n'
    )
    return Estate.load(folder)


def put(account: MailAccount, number: int) -> None:
    message = EmailMessage()
    message["From"], message["Date"] = f"person{number}@example.org", "Fri, 01 Mar 2024 10:00:00 +0100"
    message.set_content("Bonjour")
    account.server.seed(account.user, "INBOX", [(bytes(message), NOW, ())])


def test_what_was_scanned_whole_a_moment_ago_is_not_scanned_again_unless_its_map_has_changed(
    mail_account: MailAccount, tmp_path: Path
) -> None:
    put(mail_account, 1)
    mine = estate(tmp_path, mail_account.url)
    assert [(each.complete, each.items) for each in refresh(mine, now=NOW)] == [(True, 1)]
    put(mail_account, 2)
    soon, later = NOW + MINUTES / 2, NOW + 2 * MINUTES
    assert [(each.items, each.at) for each in refresh(mine, now=soon, fresh=MINUTES)] == [(1, NOW)]
    other = estate(tmp_path, mail_account.url, "INBOX")
    assert [(each.items, each.at) for each in refresh(other, now=soon, fresh=MINUTES)] == [(2, soon)]
    assert [(each.items, each.at) for each in refresh(other, now=later, fresh=MINUTES)] == [(2, later)]


def test_what_is_known_to_have_changed_since_its_scan_is_scanned_again_however_fresh(
    mail_account: MailAccount, tmp_path: Path
) -> None:
    put(mail_account, 1)
    mine, soon = estate(tmp_path, mail_account.url), NOW + MINUTES / 2
    refresh(mine, now=NOW)
    put(mail_account, 2)
    earlier = {("mail", "messages"): NOW - MINUTES, ("mail", "others"): NOW + MINUTES / 4}
    (found,) = refresh(mine, now=soon, fresh=MINUTES, changed=earlier)
    assert (found.items, found.at) == (1, NOW)
    (found,) = refresh(mine, now=soon, fresh=MINUTES, changed={("mail", "messages"): NOW + MINUTES / 4})
    assert (found.items, found.at) == (2, soon)


def test_a_store_that_is_down_is_incomplete_in_the_result_and_in_the_index(
    mail_account: MailAccount, tmp_path: Path
) -> None:
    put(mail_account, 1)
    refresh(estate(tmp_path, mail_account.url), now=NOW)
    gone = estate(tmp_path, "imap://nobody:secret@127.0.0.1:1")
    (found,) = refresh(gone, now=NOW + MINUTES)
    assert not found.complete
    assert "secret" not in found.reason
    with index.read(gone.index_file) as connection:
        (known,) = index.scans(connection)
    assert not known.complete
