import IMAPClient
import SyncEngine
import Testing

@testable import mboxsync

/// 2026-07-01 12:00 UTC.
let testNow: Int64 = 1_782_907_200

func testContext(_ variables: [String: String] = ["HOME": "/home/me", "USER": "me"]) -> ValueContext
{
  ValueContext(environment: Environment(variables), now: testNow)
}

func configuration(_ text: String) throws -> Configuration {
  try Configuration(path: "my.conf", bytes: Array(text.utf8), testContext())
}

func pair(_ text: String, _ settings: [(key: String, value: String)] = []) throws -> PairSettings {
  let pair = try configuration(text).pair("p", settings: settings, currentDirectory: "/here")
  return try #require(pair)
}

private let both = "[pair p]\nleft = maildir:/a\nright = maildir:/b\n"

@Suite("Configuration") struct ConfigurationTests {
  @Test(
    "errors name line, key and what is near",
    arguments: [
      (both + "mailboxs = *\n", 4, ["mailboxs", "'mailboxes'"]),
      (
        "[endpoint e]\nurl = maildir:/a\npasword-file = x\n", 3,
        ["pasword-file", "'password-file'"]
      ),
      ("[endpoint e]\nurl = maildir:/a\ncreate = both\n", 3, ["create", "[pair]"]),
      ("[pair p]\nleft = maildir:/a\nright = maildir:/a\n", 1, ["the same"]),
      (both + "tls = none\n", 4, ["tls", "'left.tls' or 'right.tls'"]),
      (both + "right.tsl = none\n", 4, ["right.tsl", "'right.tls'"]),
      (both + "xyzzyxyzzyxyzzy = 1\n", 4, ["xyzzyxyzzyxyzzy", "mboxsync.conf(5)"]),
      (both + "create = maybe\n", 4, ["create", "maybe", "both, left, right, none"]),
      (both + "max-uid-padding = lots\n", 4, ["max-uid-padding", "number"]),
      (both + "max-size = 1X\n", 4, ["max-size", "20k"]),
      (both + "since = soon\n", 4, ["since", "90d"]),
      (both + "rename = maybe\n", 4, ["rename", "yes or no"]),
      (both + "conflict = both\n", 4, ["conflict", "expunge, keep"]),
      (both + "uids = same\n", 4, ["uids", "auto, mirror, map"]),
      (both + "max-expunge = 101%\n", 4, ["max-expunge", "50%"]),
      (both + "mailboxes = \"\"\n", 4, ["mailboxes", "pattern"]),
      (both + "map = Sent\n", 4, ["map", "LEFT=RIGHT"]),
      (both + "map = A=B C=B\n", 4, ["C=B", "twice"]),
      (both + "before = \"\"\n", 4, ["before", "command"]),
      (both + "left.layout = flat\n", 4, ["left.layout", "maildir++, fs"]),
      (both + "left.timeout = 0\n", 4, ["left.timeout", "number"]),
      (both + "right.auth = digest-md5\n", 4, ["right.auth", "scram-sha-256"]),
      (both + "right.tls-min = 1.1\n", 4, ["right.tls-min", "1.2, 1.3"]),
      (both + "right.tls-fingerprint = ab:cd\n", 4, ["right.tls-fingerprint", "64"]),
      (both + "right.compress = yes\n", 4, ["right.compress", "auto, no"]),
      (both + "right.prefix = a//b\n", 4, ["right.prefix", "mailbox name"]),
      (both + "right.password-file = secret\n", 4, ["secret", "relative"]),
      ("[pair p]\nleft = nosuch\nright = maildir:/b\n", 2, ["nosuch"]),
      ("[endpoint home]\nurl = maildir:/a\n[pair p]\nleft = hmoe\n", 4, ["hmoe", "'home'"]),
      ("[pair p]\nleft = maildir:/a\nright = pop3://x\n", 3, ["pop3", "imaps:"]),
      ("[pair p]\nleft = maildir:/a\n", 1, ["'p'", "'right'"]),
      ("[endpoint e]\nuser = x\n", 1, ["'e'", "'url'"]),
    ])
  func errors(_ text: String, _ line: Int, _ words: [String]) {
    let error = #expect(throws: ConfigurationError.self) { try configuration(text) }
    #expect(error?.place == .line(path: "my.conf", number: line))
    #expect(error?.exitCode == .configuration)
    for word in words {
      #expect(error?.message.contains(word) == true, "\(error?.message ?? "") lacks \(word)")
    }
  }

  @Test("a path below a directory whose name is no text is refused")
  func foreignDirectory() throws {
    let context = testContext(["HOME": "/home/\u{fffd}"])
    let error = #expect(throws: ValueError.self) { try ValueParsers.path("~/Mail", context) }
    #expect(error.map { "\($0)".contains("UTF-8") } == true)
    var relative = testContext()
    relative.currentDirectory = "/tmp/\u{fffd}"
    #expect(throws: ValueError.self) { try ValueParsers.path("Mail", relative) }
    // This is its name.
    #expect(try ValueParsers.path("/a/\u{fffd}/b", testContext()) == "/a/\u{fffd}/b")
  }

  @Test("every pair key reaches the policy")
  func pairKeys() throws {
    let settings = try pair(
      both + """
        mailboxes = * !Spam
        map = Sent=Gesendet "A b"="C=d"
        create = left
        delete = both
        rename = no
        subscriptions = no
        expunge = right
        conflict = keep
        uids = map
        max-uid-padding = 5
        max-size = 20k
        since = 2026-01-31
        max-expunge = 7
        before = echo "a b"
        after = "echo \\"c\\""
        """)
    let policy = settings.policy
    #expect(policy.mailboxes == MailboxPatterns(words: ["*", "!Spam"]))
    #expect(policy.map.map(\.left.path) == ["Sent", "A b"])
    #expect(policy.map.map(\.right.path) == ["Gesendet", "C=d"])
    #expect(policy.create == .left && policy.delete == .both && policy.expunge == .right)
    #expect(!policy.followsRenames && !policy.syncsSubscriptions)
    #expect(policy.conflict == .keep && policy.uids == .map)
    #expect(policy.maxUIDPadding == 5 && policy.maxSize == 20_480)
    #expect(policy.since == InternalDate(seconds: 1_769_817_600))
    #expect(policy.maxExpunge == .messages(7))
    #expect(settings.before == #"echo "a b""# && settings.after == #"echo "c""#)
  }

  @Test("every endpoint key reaches the endpoint")
  func endpointKeys() throws {
    let digest = String(repeating: "aB:", count: 31) + "ab"
    let settings = try pair(
      """
      [pair p]
      left = maildir:~/Mail
      right = one
      [endpoint one]
      url = imap://url-user@example.org:1143
      user = alice
      password-command = pass show "my server"
      auth = PLAIN, xoauth2
      tls = none
      tls-ca-file = ~/ca.pem
      tls-fingerprint = spki:\(digest)
      tls-client-cert = /c
      tls-client-key = /k
      tls-min = 1.3
      layout = fs
      connections = 2
      timeout = 30
      compress = no
      disable-capabilities = qresync CONDSTORE
      prefix = Mail/
      """)
    #expect(settings.endpoints.left.url == .maildir(path: "/home/me/Mail"))
    let right = settings.endpoints.right
    #expect(right.userName(Environment([:])) == "alice" && right.port == 1143)
    #expect(right.password == .command(#"pass show "my server""#))
    #expect(right.mechanisms == [.plain, .xoauth2])
    #expect(right.tlsMode == .none)
    #expect(right.tlsOptions.caFile == "/home/me/ca.pem")
    #expect(
      right.tlsOptions.fingerprint == .publicKey(sha256: [UInt8](repeating: 0xab, count: 32)))
    #expect(right.tlsOptions.clientCertificate == "/c" && right.tlsOptions.clientKey == "/k")
    #expect(right.tlsOptions.minimum == .v13)
    #expect(right.layout == .fs && right.connections == 2 && right.timeoutSeconds == 30)
    #expect(!right.compresses)
    #expect(right.disabledCapabilities == [Capability("QRESYNC"), Capability("CONDSTORE")])
    #expect(right.prefix?.path == "Mail")
    #expect(settings.policy.prefixes.right?.path == "Mail")
    #expect(settings.policy.prefixes.left == nil)
  }

  @Test("the command line goes over the pair, the pair over the endpoint")
  func precedence() throws {
    let text = """
      [pair p]
      right.timeout = 20
      left = maildir:/a
      right = one
      create = none
      [endpoint one]
      url = imaps://h
      timeout = 10
      connections = 1
      password-file = /f
      """
    #expect(try pair(text).endpoints.right.timeoutSeconds == 20)
    let changed = try pair(
      text,
      [
        ("create", "left"), ("right.timeout", "30"), ("right.url", "imap://u@127.0.0.1:1"),
        ("right.password-command", "true # not a comment"), ("left.url", "maildir:rel"),
        ("create", "right"), ("mailboxes", "\"Sent Items\" B"),
      ])
    #expect(changed.policy.create == .right)
    #expect(changed.policy.mailboxes == MailboxPatterns(words: ["Sent Items", "B"]))
    #expect(changed.endpoints.right.timeoutSeconds == 30)
    #expect(changed.endpoints.right.connections == 1)
    #expect(changed.endpoints.right.port == 1)
    #expect(changed.endpoints.right.password == .command("true # not a comment"))
    #expect(changed.endpoints.left.url == .maildir(path: "/here/rel"))
  }

  @Test(
    "what '--set' gets wrong is a wrong command line",
    arguments: [("no-such-key", "1"), ("create", "maybe"), ("right.no", "1"), ("tls", "none")])
  func wrongSetting(_ key: String, _ value: String) throws {
    let configuration = try configuration(both)
    let error = #expect(throws: ConfigurationError.self) {
      try configuration.pair("p", settings: [(key, value)], currentDirectory: "/")
    }
    #expect(error?.exitCode == .usage)
    #expect(error?.description.contains(key) == true)
  }

  @Test("pairs in the order of the file, unknown ones not at all")
  func names() throws {
    let configuration = try configuration(
      both + "[pair a]\nleft = maildir:/a\nright = maildir:/b\n")
    #expect(configuration.pairNames == ["p", "a"])
    #expect(try configuration.pair("x", settings: [], currentDirectory: "/") == nil)
  }

  @Test("defaults are those of the interface")
  func defaults() throws {
    let settings = try pair(both)
    let policy = settings.policy
    #expect(policy.mailboxes == .everything && policy.map.isEmpty)
    #expect(policy.create == .both && policy.delete == .none && policy.expunge == .none)
    #expect(policy.followsRenames && policy.syncsSubscriptions)
    #expect(policy.conflict == .expunge && policy.uids == .auto)
    #expect(policy.maxUIDPadding == 10_000 && policy.maxSize == nil && policy.since == nil)
    #expect(policy.maxExpunge == .percent(50) && policy.jobs == 4)
    #expect(settings.endpoints.left.connections == 4)
    #expect(settings.endpoints.left.timeoutSeconds == 60 && settings.endpoints.left.compresses)
  }

  @Test("a first configuration can be read")
  func first() throws {
    var first = FirstConfiguration()
    let plain = try configuration(first.text)
    #expect(plain.pairNames == ["home"])
    first.left = "maildir:/a b;c"
    first.settings = [("right.password-command", #"pass "x"; true"#), ("create", "left")]
    let settings = try #require(
      try configuration(first.text).pair("home", settings: [], currentDirectory: "/"))
    #expect(settings.endpoints.left.url == .maildir(path: "/a b;c"))
    #expect(settings.endpoints.right.password == .command(#"pass "x"; true"#))
    #expect(settings.policy.create == .left)
  }
}
