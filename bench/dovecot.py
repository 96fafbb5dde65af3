"""A private Dovecot on 127.0.0.1, with an account for each tool."""

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import time

import corpus

PASSWORD = "bench"


class Dovecot:
    """Runs as whoever starts it; as `nobody` if that is root, to whom Dovecot serves no mail."""

    def __init__(self, directory, accounts):
        program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
        if program is None:
            raise SystemExit("bench: no dovecot: install dovecot-imapd")
        self.home = os.path.join(directory, "server")
        is_root = os.geteuid() == 0
        self.user = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.geteuid())
        self.group = grp.getgrgid(self.user.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for name in accounts:
            os.makedirs(self.mail(name))
        configuration = self.configure(accounts)
        self.own(self.home)
        as_whom = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        self.process = subprocess.Popen(
            [program, "-F", "-c", configuration], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **(as_whom if is_root else {}))
        self.wait()

    def mail(self, account):
        return os.path.join(self.home, "mail", account)

    def configure(self, accounts):
        os.makedirs(os.path.join(self.home, "run"))
        with open(os.path.join(self.home, "users"), "w") as users:
            for name in accounts:
                users.write(f"{name}:{{PLAIN}}{PASSWORD}::::{self.mail(name)}::\n")
        path = os.path.join(self.home, "dovecot.conf")
        user, group = self.user.pw_name, self.group.gr_name
        with open(path, "w") as file:
            file.write(f"""base_dir = {self.home}/run
state_dir = {self.home}/run
log_path = {self.home}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {self.user.pw_uid}
mail_gid = {self.user.pw_gid}
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:~/sdbox
mail_fsync = never
mail_max_userip_connections = 50
stats_writer_socket_path =
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = {self.home}/users
}}
userdb {{
  driver = passwd-file
  args = {self.home}/users
}}
service imap-login {{
  chroot =
  process_min_avail = 2
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  user = {user}
}}
service auth-worker {{
  user = {user}
}}
""")
        return path

    def own(self, path):
        if os.geteuid() != 0:
            return
        subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}", path], check=True)

    def wait(self):
        for _ in range(400):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    if connection.recv(4) == b"* OK":
                        return
            except OSError:
                pass
            time.sleep(0.02)
        with open(os.path.join(self.home, "log")) as log:
            raise SystemExit(f"bench: Dovecot did not start: {log.read()}")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    # What a mail program does

    def log_in(self, account):
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(account, PASSWORD)
        return client

    def fill(self, account, mailboxes, messages):
        client = self.log_in(account)
        number = 0
        for name in corpus.mailbox_names(mailboxes):
            if name != "INBOX":
                client.create(name)
            for _ in range(messages):
                number += 1
                self.append(client, name, number, "\\Seen")
        client.logout()

    @staticmethod
    def append(client, mailbox, number, flags=""):
        date = imaplib.Time2Internaldate(corpus.FIRST_DATE + number)
        text = corpus.message(number).replace(b"\n", b"\r\n")
        status, answer = client.append(mailbox, f"({flags})", date, text)
        assert status == "OK", answer

    def flag(self, account, adding, count):
        client = self.log_in(account)
        client.select("INBOX")
        client.store(f"1:{count}", "+FLAGS" if adding else "-FLAGS", "(\\Flagged)")
        client.logout()

    def counts(self, account):
        """All messages, and how many of INBOX are flagged."""
        client = self.log_in(account)
        total = 0
        for line in client.list()[1]:
            name = line.decode().rsplit(" ", 1)[1].strip('"')
            total += int(client.status(name, "(MESSAGES)")[1][0].decode().split()[-1].strip(")"))
        client.select("INBOX", readonly=True)
        flagged = client.search(None, "FLAGGED")[1][0].split()
        client.logout()
        return total, len(flagged)

    def remember(self, account):
        """Keeps what the account holds, for `restore`."""
        shutil.copytree(self.mail(account), self.mail(account) + ".saved")

    def restore(self, account, saved):
        shutil.rmtree(self.mail(account))
        shutil.copytree(self.mail(saved) + ".saved", self.mail(account))
        self.own(self.mail(account))
