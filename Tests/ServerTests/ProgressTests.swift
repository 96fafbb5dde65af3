import Foundation
import TestSupport
import Testing

/// The line of progress on a terminal.
@Suite("Progress") struct ProgressTests {
  private func withMaildir(_ body: (Mboxsync) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let mboxsync = try Mboxsync(in: directory)
      for part in ["cur", "new", "tmp"] { _ = try directory.directory("home/Mail/\(part)") }
      for number in 1...3 {
        try directory.write("Subject: \(number)\n\nx\n", to: "home/Mail/cur/\(number).x:2,")
      }
      _ = try directory.directory("home/.config/mboxsync")
      try body(mboxsync)
    }
  }

  private func configure(_ mboxsync: Mboxsync, port: UInt16) throws {
    try mboxsync.directory.write(
      """
      [pair home]
      left = maildir:~/Mail
      right = imap://alice@127.0.0.1:\(port)
      right.tls = none
      right.password-command = echo pass word
      """, to: "home/.config/mboxsync/config", mode: 0o600)
  }

  @Test("it is drawn in place, and fits the terminal when that becomes narrower")
  func resized() throws {
    try withMaildir { mboxsync in
      let gate = mboxsync.directory.path("gate")
      // Says what there is, and nothing more until the gate is open.
      let server = try ScriptedServer(connections: 1) { client in
        try client.say("* PREAUTH [CAPABILITY IMAP4rev1] hello")
        while true {
          let line = try client.readLine()
          if line.contains("SELECT") { break }
          if line.contains("LIST") { try client.say("* LIST () \"/\" INBOX") }
          if line.contains("STATUS") {
            try client.say("* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 5)")
          }
          try client.say("\(client.tag) OK done")
        }
        try waitUntil { access(gate, F_OK) == 0 }
      }
      try configure(mboxsync, port: server.port)
      let session = try mboxsync.startOnTerminal([], columns: 80)
      try session.wait(for: "\rhome  looking at 1/1 mailboxes  INBOX\u{1b}[K")
      session.resize(columns: 12)
      // Drawn anew by itself, though nothing happens; what was broken into several lines is erased.
      try session.wait(for: "\u{1b}[3A\r\u{1b}[Jhome\u{1b}[K")
      try session.wait(for: "\rhome\u{1b}[K")
      session.resize(columns: 100)
      try session.wait(for: "\rhome  looking at 1/1 mailboxes  INBOX\u{1b}[K")
      try mboxsync.directory.write("", to: "gate")
      #expect(try session.finish() == .exited(75), "\(session.transcript)")
      // Nothing of it stays.
      let lines = session.screen(columns: 100).lines.filter { !$0.isEmpty }
      #expect(!lines.contains { $0.contains("1/1 mailboxes") }, "\(lines)")
      #expect(lines.contains { $0.hasPrefix("mboxsync: home: right: ") }, "\(lines)")
    }
  }

  @Test(
    "a summary stays; without a terminal, on a dumb one and with --progress=never there is no bar")
  func summary() throws {
    try withMaildir { mboxsync in
      let server = try DovecotServer.start(in: mboxsync.directory)
      defer { server.stop() }
      try configure(mboxsync, port: server.port)
      let session = try mboxsync.startOnTerminal([], columns: 100)
      #expect(try session.finish() == .exited(0), "\(session.transcript)")
      #expect(session.transcript.contains("/1 mailboxes"))
      let lines = session.screen(columns: 100).lines.filter { !$0.isEmpty }
      #expect(lines.count == 1, "\(lines)")
      #expect(lines[0].contains("home: ok: right 3 saved; "), "\(lines)")
      #expect(lines[0].contains(" in, "), "\(lines)")
      for (options, variables) in [
        (["--progress=never"], [:]), ([], ["TERM": "dumb"]), (["-v"], [:]), (["-q"], [:]),
      ] as [([String], [String: String])] {
        let other = try mboxsync.startOnTerminal(options, environment: variables)
        #expect(try other.finish() == .exited(0))
        #expect(!other.transcript.contains("/1 mailboxes"), "\(options)")
      }
      let quiet = try mboxsync.run([])
      #expect(quiet.code == 0 && quiet.output.isEmpty && quiet.error.isEmpty)
    }
  }

  @Test("colours, unless NO_COLOR")
  func colors() throws {
    try withMaildir { mboxsync in
      try configure(mboxsync, port: 1)
      let colored = try mboxsync.startOnTerminal([])
      #expect(try colored.finish() == .exited(69))
      #expect(colored.transcript.contains("\u{1b}[31mmboxsync:\u{1b}[0m home: right: "))
      let plain = try mboxsync.startOnTerminal([], environment: ["NO_COLOR": "1"])
      #expect(try plain.finish() == .exited(69))
      #expect(!plain.transcript.contains("\u{1b}[3"))
    }
  }
}
