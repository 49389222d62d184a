"""Debian's Dovecot as a child of the tests: the IMAP server with mod-sequences (CONDSTORE), which pymap has not."""

from __future__ import annotations

import imaplib
import os
import shutil

from pipelines.demo.servers.child import HOST, ChildServer

USER, PASSWORD = "ann", "pass"
NOBODY = 65534
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
"""Where Debian puts servers too."""

_CONFIG = """\
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/mail/%u
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = scheme=plain {folder}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {host}
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


def installed() -> bool:
    """Whether this machine has Dovecot, and a way not to run it as root."""
    return bool(shutil.which("dovecot", path=PATH)) and (os.getuid() != 0 or bool(shutil.which("setpriv")))


class DovecotServer(ChildServer):
    """One account, with maildirs below a folder that the server's user can reach; it never runs as root."""

    def url(self) -> str:
        return f"imap://{USER}:{PASSWORD}@{HOST}:{self.port}"

    def _prepare(self) -> None:
        for name in ("run", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "passwd").write_text(f"{USER}:{{plain}}{PASSWORD}::::::\n")
        if os.getuid() == 0:
            for each in (self.folder, *self.folder.rglob("*")):
                os.chown(each, NOBODY, NOBODY)

    def _command(self, port: int) -> list[str]:
        import grp
        import pwd

        uid, gid = (NOBODY, NOBODY) if os.getuid() == 0 else (os.getuid(), os.getgid())
        user, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        config = self.folder / "dovecot.conf"
        config.write_text(
            _CONFIG.format(folder=self.folder, user=user, group=group, uid=uid, gid=gid, host=HOST, port=port)
        )
        lowered = (
            [str(shutil.which("setpriv")), f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
            if os.getuid() == 0
            else []
        )
        return [*lowered, str(shutil.which("dovecot", path=PATH)), "-F", "-c", str(config)]

    def _answers(self) -> bool:
        try:
            with imaplib.IMAP4(HOST, self.port, timeout=10) as client:
                client.login(USER, PASSWORD)
        except (OSError, imaplib.IMAP4.error):
            return False
        return True
