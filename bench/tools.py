"""The programs that are measured: how each is told to sync a Maildir with an account."""

import json
import os
import shutil
import subprocess

import dovecot


class Tool:
    def __init__(self, directory, server):
        self.server = server
        self.maildir = os.path.join(directory, self.name, "mail")
        self.state = os.path.join(directory, self.name, "state")
        os.makedirs(self.maildir)
        os.makedirs(self.state)

    def forget(self):
        shutil.rmtree(self.state)
        os.makedirs(self.state)

    def traffic(self, output):
        """Round trips and octets, if the tool tells."""
        return None


class Mboxsync(Tool):
    name = "mboxsync"

    def __init__(self, directory, server, program):
        super().__init__(directory, server)
        self.program = program
        self.password = os.path.join(directory, "password")
        with open(os.open(self.password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(dovecot.PASSWORD + "\n")

    def command(self):
        return [
            self.program, "--json", "--state", self.state, "-o", "left.layout=fs",
            "-o", "right.tls=none", "-o", f"right.password-file={self.password}",
            f"maildir:{self.maildir}", f"imap://{self.name}@127.0.0.1:{self.server.port}",
        ]

    def traffic(self, output):
        right = json.loads(output)["pairs"][0]["right"]
        return right["round_trips"], right["bytes_in"] + right["bytes_out"]


class Mbsync(Tool):
    name = "mbsync"

    def __init__(self, directory, server):
        super().__init__(directory, server)
        self.configuration = os.path.join(directory, "mbsyncrc")
        with open(self.configuration, "w") as file:
            file.write(f"""IMAPAccount far
Host 127.0.0.1
Port {server.port}
User {self.name}
Pass {dovecot.PASSWORD}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account far

MaildirStore near
Path {self.maildir}/
Inbox {self.maildir}/INBOX
SubFolders Verbatim

Channel bench
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
CopyArrivalDate yes
SyncState {self.state}/
""")

    def command(self):
        return ["mbsync", "-q", "-c", self.configuration, "bench"]


def find_mbsync():
    """The version of mbsync; None if it is not installed."""
    if shutil.which("mbsync") is None:
        return None
    answer = subprocess.run(["mbsync", "--version"], capture_output=True, text=True)
    return (answer.stdout or answer.stderr).strip()
