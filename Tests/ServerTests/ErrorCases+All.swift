import Foundation
import TestSupport

extension ErrorCase {
  static let all =
    usage + configuration + unreachable + login + permissions + later + guards + partial

  private static let pair = "[pair home]\nleft = maildir:~/L\nright = maildir:~/R\n"

  private static let usage = [
    ErrorCase("an option's name is wrong") { try $0.run(pair, "--dryrun") },
    ErrorCase("an option nobody could mean") { try $0.run(pair, "--frobnicate") },
    ErrorCase("a value of an option") { try $0.run(pair, "--jobs=many") },
    ErrorCase("an option of another verb") { try $0.run(pair, "status", "--force") },
    ErrorCase("one endpoint") { try $0.run(pair, "maildir:/a") },
    ErrorCase("a path without its kind") { try $0.run(pair, "/a", "maildir:/b") },
    ErrorCase("a pair that is not there") { try $0.run(pair, "homme") },
    ErrorCase("a pair that is like none") { try $0.run(pair, "work-account") },
    ErrorCase("a key set for the run") { try $0.run(pair, "-o", "max-size=big") },
    ErrorCase("init without a terminal") { try $0.mboxsync.run(["init"]) },
    ErrorCase("init over a file") { stage in
      try stage.mboxsync.run(["init", "-c", try stage.directory.write("", to: "there")])
    },
  ]

  private static let configuration = [
    ErrorCase("no file") { try $0.mboxsync.run([]) },
    ErrorCase("an unknown key") { try $0.run("[endpoint x]\nurll = maildir:~/M\n") },
    ErrorCase("a key of the other section") { try $0.run("[endpoint x]\nsince = 90d\n") },
    ErrorCase("a key of an endpoint in a pair") { try $0.run(pair + "timeout = 9\n") },
    ErrorCase("a duplicate key") {
      try $0.run("[endpoint x]\nurl = maildir:~/M\nurl = maildir:~/N\n")
    },
    ErrorCase("a bad value") { try $0.run(pair + "create = sometimes\n") },
    ErrorCase("an unknown section") { try $0.run("[pairs home]\n") },
    ErrorCase("a duplicate section") { try $0.run(pair + pair) },
    ErrorCase("no '='") { try $0.run("[pair home]\nleft maildir:~/L\n") },
    ErrorCase("outside of a section") { try $0.run("left = maildir:~/L\n") },
    ErrorCase("no other side") { try $0.run("[pair home]\nleft = maildir:~/L\n") },
    ErrorCase("an unknown endpoint") {
      try $0.run("[pair home]\nleft = maildir:~/L\nright = sever\n")
    },
    ErrorCase("one store twice") {
      try $0.run("[pair home]\nleft = maildir:~/L\nright = maildir:~/L/\n")
    },
    ErrorCase("one store in the other") {
      try $0.run("[pair home]\nleft = maildir:~/L\nright = maildir:~/L/.Backup\n")
    },
    ErrorCase("another program's configuration with a path of no place") { stage in
      let file = try stage.directory.write(
        "IMAPStore f\nHost h\n\nMaildirStore n\nPath Mail/\n\nChannel c\nFar :f:\nNear :n:\n",
        to: "mbsyncrc")
      return try stage.mboxsync.run(["init", "--from-mbsyncrc", file])
    },
    ErrorCase("no pair") { try $0.run("# nothing\n") },
    ErrorCase("a password in the URL") {
      try $0.run("[endpoint x]\nurl = imaps://alice:sesame@mail.example.org\n")
    },
    ErrorCase("an unknown kind of endpoint") {
      try $0.run("[endpoint x]\nurl = pop3://alice@mail.example.org\n")
    },
    ErrorCase("a relative path") { try $0.run("[endpoint x]\nurl = maildir:Mail\n") },
    ErrorCase("a file for TLS that is missing") {
      try $0.reach(keys: "tls-ca-file = /no/such/file")
    },
    ErrorCase("a Maildir that is a file") { stage in
      let file = try stage.directory.write("x", to: "file")
      return try stage.run("[pair home]\nleft = maildir:\(file)\nright = maildir:~/R\n")
    },
    ErrorCase("a state of a newer version") { stage in
      let synced = try SyncedMaildirs(stage, "newer", messages: 1)
      for path in try synced.states() where path.hasSuffix(".sqlite") {
        // PRAGMA user_version: four octets of the header.
        guard let file = FileHandle(forUpdatingAtPath: path) else { throw TestFailure(path) }
        try file.seek(toOffset: 60)
        try file.write(contentsOf: Data([0, 0, 0, 99]))
        try file.close()
      }
      return try synced.run()
    },
  ]

  private static let unreachable = [
    ErrorCase("no such host") { try $0.reach("imaps://alice@no-such-host.invalid") },
    ErrorCase("nobody listens") { try $0.reach("imaps://alice@127.0.0.1:1") },
    ErrorCase("no mail on either side") {
      try $0.run("[pair home]\nleft = maildir:~/Mial\nright = maildir:~/Mali\n")
    },
    ErrorCase("a command that is not there") {
      try $0.reach("exec:exit 127", password: nil)
    },
    ErrorCase("an authority that is not trusted") {
      try $0.reach(keys: "tls-ca-file = \($0.certificates.unknownAuthority)")
    },
    ErrorCase("a certificate that has expired") { try $0.reach(certificate: .expired) },
    ErrorCase("a certificate of another host") { try $0.reach(certificate: .wrongName) },
    ErrorCase("another certificate than the pinned one") {
      try $0.reach(keys: "tls-fingerprint = " + String(repeating: "0a", count: 32))
    },
    ErrorCase("TLS on the port without") {
      try $0.reach("imaps://alice@127.0.0.1:\($0.server.port)")
    },
    ErrorCase("no STARTTLS") { stage in
      let server = try ScriptedServer(connections: 1) { client in
        try client.say("* OK [CAPABILITY IMAP4rev1] hello")
        _ = client.waitForEnd()
      }
      return try stage.reach("imap://alice@127.0.0.1:\(server.port)")
    },
  ]

  private static let login = [
    ErrorCase("a wrong password") { try $0.reach(password: "password-command = echo wrong") },
    ErrorCase("a command that fails") { try $0.reach(password: "password-command = exit 3") },
    ErrorCase("a command that says nothing") { try $0.reach(password: "password-command = true") },
    ErrorCase("no password") { try $0.reach(password: nil) },
    ErrorCase("a file for everybody") { stage in
      let file = try stage.directory.write("pass word\n", to: "open", mode: 0o644)
      return try stage.reach(password: "password-file = \(file)")
    },
    ErrorCase("a file that is missing") {
      try $0.reach(password: "password-file = /no/such/file")
    },
    ErrorCase("a mechanism that is not offered") { try $0.reach(keys: "auth = external") },
    ErrorCase("tokens only") { stage in
      try stage.talk("password-command = echo x") { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hello")
        _ = client.waitForEnd()
      }
    },
    ErrorCase("a token that has expired") { stage in
      try stage.talk("auth = xoauth2", "password-command = echo ya29.token") { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello")
        try client.expect("AUTHENTICATE XOAUTH2 ")
        let tag = client.tag
        let json = #"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#
        try client.say("+ " + Data(json.utf8).base64EncodedString())
        try client.readLine()
        try client.say("\(tag) NO SASL authentication failed")
        _ = client.waitForEnd()
      }
    },
    ErrorCase("a password where tokens are wanted") { stage in
      try stage.talk("auth = plain", "password-command = echo x") { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] hello")
        try client.expect("AUTHENTICATE PLAIN ")
        try client.say("\(client.tag) NO AUTHENTICATE failed.")
        _ = client.waitForEnd()
      }
    },
  ]

  private static let later = [
    ErrorCase("another run") { stage in
      let synced = try SyncedMaildirs(stage, "locked", messages: 1)
      for path in try synced.states() where path.hasSuffix(".lock") {
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw TestFailure("no lock") }
        return try synced.run()
      }
      throw TestFailure("no lock file")
    },
    ErrorCase("the connection breaks") { stage in
      try stage.talk { client in
        try client.say("* PREAUTH [CAPABILITY IMAP4rev1] hello")
        try client.readLine()
      }
    },
    ErrorCase("the server says good-bye") { stage in
      try stage.talk { client in
        try client.say("* PREAUTH [CAPABILITY IMAP4rev1] hello")
        try client.readLine()
        try client.say("* BYE Server shutting down.")
        _ = client.waitForEnd()
      }
    },
    ErrorCase("the server falls silent") { stage in
      try stage.talk("timeout = 1") { client in
        try client.say("* PREAUTH [CAPABILITY IMAP4rev1] hello")
        _ = client.waitForEnd()
      }
    },
    ErrorCase("the server never says anything") { stage in
      try stage.talk("timeout = 1") { client in _ = client.waitForEnd() }
    },
    ErrorCase("stopped by a signal") { try $0.run(pair + "before = kill -TERM $PPID\n") },
    ErrorCase("no IMAP") { try $0.reach("exec:echo HTTP/1.1 400 Bad Request", password: nil) },
    ErrorCase("a broken answer") { stage in
      try stage.talk { client in
        try client.say("* PREAUTH [CAPABILITY IMAP4rev1] hello")
        try client.readLine()
        try client.say("* LIST () \"/\" {99999999999999999999}")
        _ = client.waitForEnd()
      }
    },
  ]

  private static let guards = [
    ErrorCase("too many expunges") { stage in
      let synced = try SyncedMaildirs(stage, "many", messages: 40)
      for file in try FileManager.default.contentsOfDirectory(atPath: synced.path("l/cur"))
        .sorted().prefix(30)
      { try synced.remove("l/cur/\(file)") }
      return try synced.run()
    },
    ErrorCase("a large mailbox is deleted") { stage in
      let synced = try SyncedMaildirs(
        stage, "deleted", messages: 12, in: "l/.Old", keys: "delete = both")
      try synced.remove("l/.Old")
      return try synced.run()
    },
    ErrorCase("the store is gone") { stage in
      let synced = try SyncedMaildirs(stage, "gone", messages: 3)
      try synced.remove("l")
      return try synced.run()
    },
    ErrorCase("another store") { stage in
      let synced = try SyncedMaildirs(stage, "other", messages: 3)
      try synced.remove("l")
      for part in ["cur", "new", "tmp"] { _ = try stage.directory.directory("other/l/\(part)") }
      return try synced.run()
    },
  ]

  private static let partial = [
    ErrorCase("'before' fails") { try $0.run(pair + "before = exit 4\n") },
    ErrorCase("'after' fails") { stage in
      _ = try stage.directory.directory("home/L")
      return try stage.run(pair + "after = exit 4\n")
    },
    ErrorCase("two mailboxes with one name") { stage in
      let synced = try SyncedMaildirs(stage, "clash", messages: 1, keys: "map = A=B")
      for name in ["l/.A", "l/.B"] {
        for part in ["cur", "new", "tmp"] {
          _ = try stage.directory.directory("clash/\(name)/\(part)")
        }
      }
      return try synced.run()
    },
    ErrorCase("over quota") { stage in
      var options = DovecotOptions()
      options.quotaBytes = 2000
      return try stage.refused(by: options, size: 5000)
    },
    ErrorCase("a file whose name is no message's") { stage in
      let synced = try SyncedMaildirs(stage, "nameless", messages: 1)
      try stage.directory.write("Subject: x\n\n", to: "nameless/l/cur/:2,S")
      return try synced.run()
    },
    ErrorCase("nothing is known of a mailbox") { stage in
      try SyncedMaildirs(stage, "forget", messages: 1).run("forget", "home", "No/Such")
    },
  ]
}

extension ErrorStage {
  /// A server with this certificate.
  func reach(certificate: TestCertificates.Kind) throws -> ProgramResult {
    let other = try DovecotServer.start(
      in: directory, name: certificate.rawValue, certificates: certificates,
      certificate: certificate)
    defer { other.stop() }
    return try reach("imaps://alice@127.0.0.1:\(other.tlsPort)")
  }

  /// A message of so many octets for a server with these options.
  func refused(by options: DovecotOptions, size: Int) throws -> ProgramResult {
    let other = try DovecotServer.start(in: directory, name: "small", options: options)
    defer { other.stop() }
    for part in ["cur", "new", "tmp"] { _ = try directory.directory("home/big/\(part)") }
    let body = String(repeating: "some text\n", count: size / 10)
    try directory.write("Subject: big\n\n\(body)", to: "home/big/cur/1600000000.x:2,")
    return try run(
      "[pair home]\nleft = maildir:~/big\nright = imap://alice@127.0.0.1:\(other.port)\n"
        + "right.tls = none\nright.password-command = echo pass word\n")
  }
}
