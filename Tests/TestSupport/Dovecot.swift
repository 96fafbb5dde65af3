import Foundation

/// Where and how Dovecot keeps a user's mail.
public enum DovecotStorage: Sendable {
  /// Dovecot's own format, in the user's home.
  case sdbox
  /// A Maildir tree at this path, which may be under test itself.
  case maildir(String, MaildirLayout = .maildirPlusPlus)

  /// The value of `mail_location`.
  var location: String {
    switch self {
    case .sdbox: "sdbox:~/sdbox"
    case .maildir(let path, .maildirPlusPlus): "maildir:\(path)"
    case .maildir(let path, .nested): "maildir:\(path):LAYOUT=fs:INBOX=\(path)/INBOX"
    }
  }
}

/// How the mailboxes of a Maildir tree lie in it.
public enum MaildirLayout: Sendable {
  /// `.A.B` beside the `cur`, `new` and `tmp` of INBOX.
  case maildirPlusPlus
  /// `A/B`, and INBOX in `INBOX`.
  case nested
}

/// What the Dovecots of tests differ in.
public struct DovecotOptions: Sendable {
  public var storage = DovecotStorage.sdbox
  /// Mailbox to attribute: `["Sent": "\\Sent"]`.
  public var specialUse: [String: String] = [:]
  /// The most bytes a user may have.
  public var quotaBytes: Int?
  /// Not announced to clients, although the server would act on them.
  public var hiddenCapabilities: Set<String> = []
  /// What every name but INBOX begins with; its last character is the separator of levels.
  public var prefix = ""
  /// More lines for the configuration file.
  public var extra = ""

  public init(storage: DovecotStorage = .sdbox) {
    self.storage = storage
  }

  /// With ACLs: the user may take rights from himself (`SETACL`).
  public static var withRights: DovecotOptions {
    var options = DovecotOptions(storage: .sdbox)
    options.extra = """
      protocol imap {
        mail_plugins = imap_zlib acl imap_acl
      }
      plugin {
        acl = vfile:/dev/null
        acl_defaults_from_inbox = no
      }
      """
    return options
  }

  /// The part of the configuration file that is the same with and without a daemon.
  func mailSettings() -> String {
    let quota = quotaBytes == nil ? "" : "quota"
    let special = specialUse.sorted { $0.key < $1.key }
      .map { "  mailbox \"\($0.key)\" {\n    special_use = \($0.value)\n  }\n" }.joined()
    return """
      mail_location = \(storage.location)
      first_valid_uid = 1
      first_valid_gid = 1
      mail_fsync = never
      mail_max_keyword_length = 100
      mail_plugins = \(quota)
      stats_writer_socket_path =
      namespace inbox {
        inbox = yes
        prefix = \(prefix)
        separator = \(separator)
      \(special)}
      protocol imap {
        mail_plugins = \(quota) imap_zlib \(quota.isEmpty ? "" : "imap_quota")
        \(capabilitySetting)
      }
      plugin {
        quota = count:User quota
        quota_rule = *:bytes=\(quotaBytes ?? 0)
        quota_vsizes = yes
        quota_grace = 0
      }
      \(extra)

      """
  }

  var separator: String { prefix.last.map(String.init) ?? "/" }

  private var capabilitySetting: String {
    guard !hiddenCapabilities.isEmpty else { return "" }
    let shown = Self.capabilities.filter { !hiddenCapabilities.contains($0) }
    return "imap_capability = \(shown.joined(separator: " "))"
  }

  /// What Dovecot announces after log-in and mboxsync may use.
  private static let capabilities = [
    "IMAP4rev1", "SASL-IR", "ID", "ENABLE", "IDLE", "MULTIAPPEND", "UNSELECT", "CHILDREN",
    "NAMESPACE", "UIDPLUS", "LIST-EXTENDED", "CONDSTORE", "QRESYNC", "ESEARCH", "SEARCHRES",
    "LIST-STATUS", "BINARY", "MOVE", "STATUS=SIZE", "SAVEDATE", "LITERAL+", "NOTIFY",
    "SPECIAL-USE", "COMPRESS=DEFLATE",
  ]
}

/// Dovecot's `imap` without a daemon: a program that speaks IMAP, logged in already, on its standard streams.
///
/// As root the streams must be pipes: it takes a socket for inetd's.
public struct DovecotProgram: Sendable {
  /// For `/bin/sh -c` of the tests' process.
  public let command: String
  /// The same for a program that is run as the ``OrdinaryUser`` already: `exec:` of the command under test.
  public let userCommand: String
  /// The same, without a shell.
  public let arguments: [String]
  /// The user's home, where ``DovecotStorage/sdbox`` lies.
  public let home: String
  public let user: String
  /// What Dovecot logs, when started by ``command``.
  public let log: String

  /// A server over a store of its own, named `name` within `directory`.
  public init(
    in directory: TemporaryDirectory, name: String = "mail", user: String = "alice",
    options: DovecotOptions = DovecotOptions()
  ) throws {
    let program = try findProgram("/usr/lib/dovecot/imap", package: "dovecot-imapd")
    home = try directory.directory("\(name)-home")
    self.user = user
    log = "\(home)/log"
    let configuration = try directory.write(
      """
      base_dir = \(home)/run
      state_dir = \(home)/run
      log_path = \(home)/log
      protocols = imap
      ssl = no

      """ + options.mailSettings(), to: "\(name)-home/dovecot.conf")
    let own = ["/usr/bin/env", "USER=\(user)", "HOME=\(home)", program, "-c", configuration]
    arguments = directory.user.prefix + own
    command = "exec \(arguments.joined(separator: " ")) 2>>\(log)"
    userCommand = "\(own.joined(separator: " ")) 2>>\(log)"
  }
}
