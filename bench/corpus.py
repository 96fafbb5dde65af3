"""Mail for the benchmark: the same for the same numbers, whenever and wherever it is made."""

import os
import random
import shutil

WORDS = """lunch minutes order tickets invoice photos lake rent meeting train draft report friday
answer question garden window letter number winter summer paper bridge music""".split()
FIRST_DATE = 1_600_000_000


def message(number):
    """One message with LF line ends; most are small, some are not."""
    source = random.Random(number)
    lines = source.choice([20, 30, 40, 60, 60, 100, 400])
    body = "\n".join(" ".join(source.choices(WORDS, k=10)) for _ in range(lines))
    return (
        "Received: from mx.example.org by mail.example.net; Sun, 13 Sep 2020 12:26:40 +0000\n"
        f"From: Sender {number % 40} <s{number % 40}@example.org>\n"
        "To: bench@example.net\n"
        f"Subject: {' '.join(source.choices(WORDS, k=4))} ({number})\n"
        "Date: Sun, 13 Sep 2020 12:26:40 +0000\n"
        f"Message-ID: <{number}@bench.example.org>\n"
        f"\n{body}\n"
    ).encode()


def mailbox_names(count):
    return ["INBOX"] + [f"box{number:03}" for number in range(1, count)]


def make_folder(path):
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, part), exist_ok=True)


def small_message(number):
    return (
        f"From: s{number % 40}@example.org\nSubject: ({number})\n"
        f"Message-ID: <{number}@bench.example.org>\n\nshort\n"
    ).encode()


def deliver(folder, number, seen=False, make=message):
    """Puts a message into a Maildir folder, as a delivery agent does."""
    name = f"{FIRST_DATE + number}.M{number}.bench"
    temporary = os.path.join(folder, "tmp", name)
    with open(temporary, "wb") as file:
        file.write(make(number))
    os.utime(temporary, (FIRST_DATE + number, FIRST_DATE + number))
    place = os.path.join(folder, "cur", name + ":2,S") if seen else os.path.join(folder, "new", name)
    os.rename(temporary, place)


def fill(root, mailboxes, messages):
    """A Maildir tree of nested folders."""
    number = 0
    for name in mailbox_names(mailboxes):
        folder = os.path.join(root, name)
        make_folder(folder)
        for _ in range(messages):
            number += 1
            deliver(folder, number, seen=True)


def make_empty(root):
    shutil.rmtree(root, ignore_errors=True)
    make_folder(os.path.join(root, "INBOX"))


def count(root):
    """The messages of a Maildir tree."""
    total = 0
    for folder, _, files in os.walk(root):
        if os.path.basename(folder) in ("cur", "new"):
            total += sum(not name.startswith(".") for name in files)
    return total
