import SyncEngine
import Testing

@testable import mboxsync

@Suite("Parts of a first configuration") struct SetupTests {
  private static let environment = Environment(["HOME": "/home/alice"])

  @Test("addresses")
  func addresses() throws {
    #expect(try MailAddress("alice@example.org").domain == "example.org")
    #expect(try MailAddress("a@b@example.org").user == "a@b")
    for text in ["alice", "@example.org", "alice@", "a b@example.org", "a@.org", "a@b..c", "a@b c"]
    {
      #expect(throws: ValueError.self) { try MailAddress(text) }
    }
  }

  @Test(
    "servers as people write them",
    arguments: [
      ("mail.example.org", "imaps://al@mail.example.org"),
      ("mail.example.org:143", "imap://al@mail.example.org:143"),
      ("imap://mail.example.org", "imap://al@mail.example.org"),
      ("imaps://[::1]:1993", "imaps://al@[::1]:1993"),
    ])
  func servers(_ text: String, _ url: String) throws {
    let server = try ServerURL(text, SetupTests.environment)
    #expect(server.endpoint(user: "al").url == url && server.endpoint(user: "al").keys.isEmpty)
    let other = server.endpoint(user: "al@example.org")
    #expect(!other.url.contains("@") && other.keys.map(\.value) == ["al@example.org"])
  }

  @Test("words for the shell", arguments: [("a@b.c", "a@b.c"), ("a b", "'a b'"), ("", "''")])
  func words(_ text: String, _ quoted: String) {
    #expect(ShellWord.quoted(text) == quoted)
    #expect(ShellWord.quoted("it's") == #"'it'\''s'"#)
  }

  @Test("what is written can be read, whatever was answered")
  func configurations() throws {
    for value in ["pass show 'a b'", "x # y; z", #"q"u\o"#, " blank ", "~/p w"] {
      var first = FirstConfiguration()
      first.right = "imaps://alice@mail.example.org"
      first.settings = [("right.password-command", value), ("mailboxes", "* !Spam")]
      let read = try configuration(first.text)
      #expect(read.pairNames == ["home"])
      let pair = try #require(try read.pair("home", settings: [], currentDirectory: "/"))
      #expect(pair.endpoints.right.password == .command(value))
      // It is set, so it is not proposed.
      #expect(!first.text.contains("# mailboxes"))
    }
  }

  @Test("the next steps fit the installation")
  func nextSteps() throws {
    var steps = NextSteps(
      environment: SetupTests.environment, configuration: nil, pair: "home",
      program: "/usr/bin/mboxsync", wasTried: false, asksForPassword: false, hasUnits: false)
    #expect(steps.lines.contains("  */10 * * * * /usr/bin/mboxsync"))
    #expect(steps.lines.contains("    ExecStart=/usr/bin/mboxsync"))
    #expect(steps.lines.contains { $0.hasPrefix("  mboxsync check ") })
    steps.wasTried = true
    steps.configuration = "/tmp/100% mine"
    #expect(steps.lines.contains(#"  */10 * * * * /usr/bin/mboxsync -c '/tmp/100\% mine'"#))
    #expect(steps.lines.contains(#"    ExecStart=/usr/bin/mboxsync -c "/tmp/100%% mine""#))
    #expect(!steps.lines.contains { $0.hasPrefix("  mboxsync check") })
    steps.configuration = nil
    steps.keyringDirectory = "/run/user/1000"
    let cron = try #require(steps.lines.firstIndex(of: "  XDG_RUNTIME_DIR=/run/user/1000"))
    #expect(steps.lines[cron + 1] == "  */10 * * * * /usr/bin/mboxsync")
    steps.hasUnits = true
    #expect(steps.lines.contains("  systemctl --user enable --now mboxsync@home.timer"))
  }
}
