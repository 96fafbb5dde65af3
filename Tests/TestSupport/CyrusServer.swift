import Foundation

/// A private Cyrus on 127.0.0.1, for one test: with STARTTLS on ``port`` and TLS on ``tlsPort``.
///
/// It is used where it is installed, or where MBOXSYNC_CYRUS_ROOT names a directory into which its packages
/// were unpacked. It is killed as ``DovecotServer`` is.
public final class CyrusServer {
  /// How Cyrus shows the names of mailboxes.
  public enum Names: String, CaseIterable, Sendable {
    /// `A/B`
    case plain
    /// `INBOX/A/B`
    case prefixed
    /// `INBOX.A.B`
    case dotted

    var prefix: String {
      switch self {
      case .plain: ""
      case .prefixed: "INBOX/"
      case .dotted: "INBOX."
      }
    }
    var separator: String { self == .dotted ? "." : "/" }
  }

  public let port: UInt16
  public let tlsPort: UInt16
  public let certificates: TestCertificates?
  public let account = DovecotServer.Account("alice", password: "secret")
  private let home: String
  private let names: Names
  private let process: ChildProcess

  /// Where Cyrus lies; nil if it is not there.
  public static let root: String? = {
    let named = ProcessInfo.processInfo.environment["MBOXSYNC_CYRUS_ROOT"]
    return [named, ""].compactMap(\.self).first { root in
      ["lib/cyrus/bin/master", "lib/cyrus/bin/imapd", "sbin/saslpasswd2"].allSatisfy {
        access("\(root)/usr/\($0)", X_OK) == 0
      }
    }
  }()

  /// Starts it, named `name` within `directory`, and waits until it accepts connections.
  public init(
    in directory: TemporaryDirectory, name: String = "cyrus", names: Names = .plain,
    certificates: TestCertificates? = nil, settings: [String: String] = [:]
  ) throws {
    guard let root = CyrusServer.root else { throw TestFailure("Cyrus is not installed") }
    self.names = names
    self.certificates = certificates
    home = try directory.directory(name)
    port = try findFreePort()
    tlsPort = try findFreePort()
    for part in ["db", "socket", "proc", "lock", "log", "msg", "ptclient"] {
      _ = try directory.directory("\(name)/var/\(part)")
    }
    _ = try directory.directory("\(name)/spool")
    let environment = CyrusServer.environment(root)
    try directory.write(
      CyrusServer.settings(
        home: home, user: directory.user, names: names, certificates: certificates, more: settings),
      to: "\(name)/imapd.conf")
    try directory.write(
      CyrusServer.services(
        root: root, home: home, port: port, tlsPort: certificates == nil ? nil : tlsPort),
      to: "\(name)/cyrus.conf")
    for account in [account, CyrusServer.administrator] {
      let shell = "printf %s \"$1\" | \"$2\" -p -c -u localhost -f \"$3\" \"$4\""
      let result = try runProgram(
        directory.user.prefix + [
          "/bin/sh", "-c", shell, "sh", account.password, "\(root)/usr/sbin/saslpasswd2",
          "\(home)/sasldb2", account.name,
        ], environment: environment, scratch: directory)
      guard result.code == 0 else { throw TestFailure("saslpasswd2: \(result.errorText)") }
    }

    // Descriptor 3 ends with the tests' process; then the watcher kills its session.
    let watched = "{ read -r _; kill -KILL 0; } <&3 & exec \"$@\" 3<&-"
    process = try ChildProcess(
      directory.user.prefix + [
        "/bin/sh", "-c", watched, "sh", "\(root)/usr/lib/cyrus/bin/master", "-C",
        "\(home)/imapd.conf", "-M", "\(home)/cyrus.conf", "-p", "\(home)/master.pid",
      ], environment: environment, output: .file("\(home)/stdout"), error: .file("\(home)/stderr"),
      lifeline: true)
    try waitForAccount()
  }

  private func waitForAccount() throws {
    let deadline = Date.now + 20
    var reason = "it ended"
    while Date.now < deadline, process.poll() == nil {
      do { return try createAccount() } catch { reason = "\(error)" }
      usleep(5_000)
    }
    stop()
    throw TestFailure("Cyrus did not start: \(reason)")
  }

  public func stop() { process.end() }

  /// A session as the account's user.
  public func openSession() throws -> IMAPTestClient {
    let client = try IMAPTestClient.connect(toPort: port, as: account)
    client.showsGUIDs = false
    client.prefix = names.prefix
    client.separator = names.separator
    return client
  }

  private static let administrator = DovecotServer.Account("cyrus", password: "admin")

  private func createAccount() throws {
    let client = try IMAPTestClient.connect(toPort: port, as: CyrusServer.administrator)
    defer { client.logOut() }
    let name = "user\(names.separator)\(account.name)"
    if try client.command("LIST \"\" \"\(name)\"").count > 1 { return }
    try client.command("CREATE \"\(name)\"")
  }

  /// Unpacked packages bring libraries of their own.
  private static func environment(_ root: String) -> [String: String] {
    var environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    guard !root.isEmpty else { return environment }
    let places = ["\(root)/usr/lib", "\(root)/lib"].flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix("-linux-gnu") }.map { "\(folder)/\($0)" }
    }
    environment["LD_LIBRARY_PATH"] = places.joined(separator: ":")
    return environment
  }

  private static func settings(
    home: String, user: OrdinaryUser, names: Names, certificates: TestCertificates?,
    more: [String: String]
  ) -> String {
    var settings = [
      "configdirectory": "\(home)/var", "defaultpartition": "default",
      "partition-default": "\(home)/spool", "cyrus_user": user.name, "cyrus_group": user.group,
      "admins": administrator.name, "servername": "localhost", "sasl_pwcheck_method": "auxprop",
      "sasl_auxprop_plugin": "sasldb", "sasl_sasldb_path": "\(home)/sasldb2",
      "sasl_mech_list": "PLAIN LOGIN SCRAM-SHA-256", "allowplaintext": "yes", "virtdomains": "off",
      "unixhierarchysep": names == .dotted ? "no" : "yes",
      "altnamespace": names == .plain ? "yes" : "no", "idlesocket": "\(home)/var/socket/idle",
      "notifysocket": "\(home)/var/socket/notify", "lmtpsocket": "\(home)/var/socket/lmtp",
      "duplicate_db_path": "\(home)/var/deliver.db",
      "statuscache_db_path": "\(home)/var/statuscache.db",
      "mboxname_lockpath": "\(home)/var/lock", "proc_path": "\(home)/var/proc",
    ]
    if let certificates {
      settings["tls_server_cert"] = certificates.certificate(.good)
      settings["tls_server_key"] = certificates.key
      settings["tls_client_ca_file"] = certificates.authority
    }
    return settings.merging(more) { $1 }.sorted { $0.key < $1.key }
      .map { "\($0.key): \($0.value)\n" }.joined()
  }

  private static func services(root: String, home: String, port: UInt16, tlsPort: UInt16?)
    -> String
  {
    let programs = "\(root)/usr/lib/cyrus/bin"
    let imap = "\(programs)/imapd -C \(home)/imapd.conf -U 30"
    let secure = tlsPort.map {
      "imaps cmd=\"\(imap) -s\" listen=\"127.0.0.1:\($0)\" prefork=0 maxchild=100\n"
    }
    return """
      START {
        recover cmd="\(programs)/ctl_cyrusdb -C \(home)/imapd.conf -r"
      }
      SERVICES {
        imap cmd="\(imap)" listen="127.0.0.1:\(port)" prefork=1 maxchild=100
        \(secure ?? "")
      }

      """
  }
}
