@testable import mboxsync

extension FuzzTarget {
  private static let context = ValueContext(
    environment: Environment(["HOME": "/home/me", "USER": "me"]), now: 1_782_907_200)

  /// Configuration files: right, or wrong in one line for people.
  static let configuration = FuzzTarget(
    name: "configuration", cost: 2,
    words: [
      "[pair p]\n", "[endpoint e]\n", "left = ", "right = ", "url = ", "maildir:/a", "imaps://h",
      "exec:x", "\n", "\"", "\\", "\\\n", "#", ";", " = ", "max-size = 9999999999G", "since = 90d",
      "since = 2026-02-30", "max-expunge = 100%", "map = A=B", "mailboxes = * !x", "auth = plain",
      "tls-fingerprint = spki:", "timeout = 99999999999999999999", "prefix = ", "=",
    ]
  ) { bytes in
    do {
      let configuration = try Configuration(path: "my.conf", bytes: bytes, context)
      for name in configuration.pairNames {
        _ = try configuration.pair(name, settings: [], currentDirectory: "/here")
      }
      return nil
    } catch {
      return isOneLine(Text.escaped("\(error)")) ? nil : "an error of two lines: \(error)"
    }
  }

  static let url = FuzzTarget(
    name: "urls",
    words: [
      "imaps://", "imap://", "maildir:", "exec:", "@", ":", "%", "%40", "[::1]", "65535", "65536",
      "~", "~/", "/", "..", "user", "pass",
    ]
  ) { bytes in
    var context = context
    context.currentDirectory = "/here"
    do {
      let url = try EndpointURL(String(decoding: bytes, as: UTF8.self), context)
      guard case .maildir(let path) = url else { return nil }
      return path.hasPrefix("/") ? nil : "a relative path"
    } catch {
      return nil
    }
  }

  static let netrc = FuzzTarget(
    name: "netrc",
    words: [
      "machine ", "login ", "password ", "default ", "macdef ", "\n", "\"", "\\", "#", "account ",
    ]
  ) { bytes in
    _ = Netrc(bytes).password(host: "example.org", user: "alice")
    return nil
  }

  private static func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
  }
}
