import Foundation
import TestSupport
import Testing

/// `mboxsync init` before a person at a terminal, against a server with TLS.
@Suite("init on a terminal") struct InitTests {
  /// A server of `localhost` that the records of example.org name.
  private struct Stage {
    let mboxsync: Mboxsync
    let server: DovecotServer
    let certificates: TestCertificates
    var names: [String]
    var target: String { "\(mboxsync.home)/.config/mboxsync/config" }

    func start(_ more: String...) throws -> TerminalSession {
      try mboxsync.startOnTerminal(
        ["init", "-o", "right.tls-ca-file=\(certificates.authority)"] + more, names: names)
    }

    func written() throws -> String { try String(contentsOfFile: target, encoding: .utf8) }

    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
  }

  private func withStage(
    account: DovecotServer.Account = .init("alice@example.org", password: "sésame 4711"),
    _ body: (Stage) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(
        in: directory, accounts: [account], certificates: certificates)
      defer { server.stop() }
      let names = [
        "SRV _imaps._tcp.example.org 0 1 \(server.tlsPort) localhost", "A localhost 127.0.0.1",
      ]
      try body(
        Stage(
          mboxsync: try Mboxsync(in: directory), server: server, certificates: certificates,
          names: names))
    }
  }

  @Test(
    "from nothing to a synced mailbox: found by DNS, the password in a file, tried, written once")
  func fromNothing() throws {
    try withStage { stage in
      let session = try stage.start()
      try session.answer("Mail address: ", "alice@example.org")
      try session.wait(for: "SRV record of _imaps._tcp.example.org")
      try session.wait(for: "lies outside of example.org")
      try session.answer("Server [imaps://localhost:\(stage.server.tlsPort)]: ", "")
      try session.answer("Login name [alice@example.org]: ", "")
      try session.answer("Number [", "file")
      try session.answer("home.password]: ", "")
      try session.answer("(not shown): ", "sésame 4711")
      try session.answer("[~/Mail]: ", "")
      #expect(try session.finish() == .exited(0), "\(session.transcript)")
      #expect(!session.transcript.contains("4711"))
      for text in ["is written.", "mboxsync -n", "*/10 * * * * ", "[Timer]"] {
        #expect(session.transcript.contains(text), "\(text)")
      }
      #expect(session.transcript.contains("TLSv1"))
      let written = try stage.written()
      #expect(!written.contains("4711"))
      #expect(try stage.mode(stage.target) == 0o600)
      #expect(try stage.mode("\(stage.mboxsync.home)/.config/mboxsync/home.password") == 0o600)

      let sync = try stage.mboxsync.run([])
      #expect(sync.code == 0 && sync.error.isEmpty, "\(sync.errorText)")
      let verify = try stage.mboxsync.run(["verify"])
      #expect(verify.code == 0, "\(verify.errorText)")

      let again = try stage.start()
      #expect(try again.finish() == .exited(64))
      #expect(again.transcript.contains("is there already"))
      #expect(try stage.written() == written)
    }
  }

  @Test("an address whose domain has letters beyond ASCII")
  func international() throws {
    try withStage(account: .init("me", password: "secret")) { stage in
      var stage = stage
      stage.names = ["A imap.xn--bcher-kva.example 127.0.0.1", "A xn--bcher-kva.example 127.0.0.1"]
      let server = "imap.bücher.example:\(stage.server.tlsPort)"
      let pin = try stage.certificates.fingerprint(.good)
      let session = try stage.start(
        "me@bücher.example", "-o", "right.tls-fingerprint=\(pin)", "-o",
        "right.password-command=echo secret")
      try session.answer("Server [imaps://mail.bücher.example]: ", server)
      try session.answer("Login name [me@bücher.example]: ", "me")
      try session.answer("[~/Mail]: ", "")
      #expect(try session.finish() == .exited(0), "\(session.transcript)")
      #expect(try stage.written().contains("url = imaps://me@\(server)"))
    }
  }

  @Test("a wrong password is noticed, and asked for again")
  func wrongPassword() throws {
    try withStage { stage in
      let session = try stage.start("alice@example.org")
      try session.answer("Server [", "")
      try session.answer("Login name [alice@example.org]: ", "")
      try session.answer("Number [", "3")
      try session.answer("home.password]: ", "")
      try session.answer("(not shown): ", "wrong")
      try session.answer("[~/Mail]: ", "~/Post")
      try session.wait(for: "the server refuses the login")
      #expect(!FileManager.default.fileExists(atPath: stage.target))
      try session.answer("Number [1]: ", "again")
      try session.answer("Mail address [alice@example.org]: ", "")
      try session.answer("Server [imaps://localhost", "")
      try session.answer("Login name [", "")
      try session.answer("Number [3]: ", "")
      try session.answer("home.password]: ", "")
      try session.answer("Use the password in it? (yes, no) [no]: ", "")
      try session.answer("(not shown): ", "sésame 4711")
      try session.answer("[~/Post]: ", "")
      #expect(try session.finish() == .exited(0), "\(session.transcript)")
      #expect(try stage.written().contains("url = maildir:~/Post"))
    }
  }

  @Test("nothing is written when it is left", arguments: ["\u{3}", "\u{4}"])
  func left(key: String) throws {
    try withStage { stage in
      let session = try stage.start()
      try session.wait(for: "Mail address: ")
      try session.type(key)
      #expect(try session.finish() == .exited(75), "\(session.transcript)")
      #expect(session.transcript.contains("no configuration was written"))
      #expect(!FileManager.default.fileExists(atPath: stage.target))
    }
  }

  @Test("without a terminal: what is missing is a usage error, and an address is enough")
  func withoutTerminal() throws {
    try withStage { stage in
      let nothing = try stage.mboxsync.run(["init"])
      #expect(nothing.code == 64 && nothing.output.isEmpty)
      #expect(nothing.errorText.contains("no terminal to ask on"))
      let names = stage.mboxsync.directory.path("table")
      func initialize(_ records: [String]) throws -> ProgramResult {
        try records.joined(separator: "\n").write(
          toFile: names, atomically: false, encoding: .utf8)
        let folder = (stage.mboxsync.program as NSString).deletingLastPathComponent
        return try stage.mboxsync.run(
          ["init", "alice@example.org", "-o", "right.password-command=echo x"],
          environment: ["LD_PRELOAD": "\(folder)/libFakeNames.so", "FAKENAMES": names])
      }
      // Whoever forges the answer could read the password otherwise: RFC 6186 §6.
      let foreign = try initialize(stage.names)
      #expect(foreign.code == 64 && foreign.errorText.contains("nobody vouches for"))
      let unknown = try initialize([])
      #expect(unknown.code == 64 && unknown.errorText.contains("no IMAP server of example.org"))
      #expect(!FileManager.default.fileExists(atPath: stage.target))
      let found = try initialize(["SRV _imaps._tcp.example.org 0 1 4993 mail.example.org"])
      #expect(found.code == 0 && found.output.isEmpty && found.error.isEmpty)
      let written = try stage.written()
      #expect(written.contains("url = imaps://mail.example.org:4993"))
      #expect(written.contains("user = alice@example.org"))
      #expect(try stage.mode(stage.target) == 0o600)
    }
  }

  @Test("pass: an entry that is missing is made by the program itself")
  func pass() throws {
    try withStage { stage in
      // Stands in for pass(1), which needs a key.
      let folder = try stage.mboxsync.directory.directory("bin")
      _ = try stage.mboxsync.directory.directory("home/.password-store")
      try stage.mboxsync.directory.write("key\n", to: "home/.password-store/.gpg-id")
      try stage.mboxsync.directory.write(
        """
        #!/bin/sh
        case $1 in
        insert) printf 'pass asks: '; read -r word; echo "$word" >"$HOME/entry"; echo "$2" >"$HOME/name" ;;
        show) cat "$HOME/entry" ;;
        esac
        """, to: "bin/pass", mode: 0o755)
      let session = try stage.mboxsync.startOnTerminal(
        ["init", "alice@example.org", "-o", "right.tls-ca-file=\(stage.certificates.authority)"],
        environment: ["PATH": "\(folder):/usr/bin:/bin"], names: stage.names)
      try session.answer("Server [", "")
      try session.answer("Login name [", "")
      try session.answer("Number [1]: ", "")
      try session.answer("Entry of pass [mail/alice@example.org]: ", "mail/my account")
      try session.answer("Run it now? (yes, no) [yes]: ", "")
      try session.answer("pass asks: ", "sésame 4711")
      try session.answer("[~/Mail]: ", "")
      #expect(try session.finish() == .exited(0), "\(session.transcript)")
      #expect(try stage.written().contains("password-command = pass show 'mail/my account'"))
    }
  }

  @Test("units that are installed in the home directory are found")
  func units() throws {
    try withTemporaryDirectory { directory in
      let mboxsync = try Mboxsync(in: directory)
      let line = ["init", "-v", "work", "maildir:~/L", "maildir:~/R"]
      #expect(
        try mboxsync.run(line + ["-c", directory.path("one")]).outputText.contains("[Timer]"))
      _ = try directory.directory("home/.local/share/systemd/user")
      try directory.write("", to: "home/.local/share/systemd/user/mboxsync@.timer")
      let result = try mboxsync.run(line)
      #expect(result.outputText.contains("systemctl --user enable --now mboxsync@work.timer\n"))
    }
  }
}
