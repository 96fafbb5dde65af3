import Foundation

/// A private Dovecot daemon on 127.0.0.1, for one test: with STARTTLS on ``port`` and TLS on ``tlsPort``.
///
/// It is killed with all its processes by ``stop()``, when it is no longer referred to, and when the tests' process
/// ends in whatever way.
public final class DovecotServer {
  public let port: UInt16
  public let tlsPort: UInt16
  public let certificates: TestCertificates?
  /// Its configuration, log and mail.
  public let home: String
  let options: DovecotOptions
  private let directory: TemporaryDirectory
  private var process: ChildProcess
  private let configuration: String

  /// An account of the server.
  public struct Account: Sendable {
    public var name: String
    public var password: String

    public init(_ name: String = "alice", password: String = "pass word") {
      self.name = name
      self.password = password
    }
  }

  /// Starts it, named `name` within `directory`, and waits until it accepts connections.
  ///
  /// Without `certificates` it speaks no TLS and takes passwords in the clear.
  public static func start(
    in directory: TemporaryDirectory, name: String = "server", accounts: [Account] = [Account()],
    certificates: TestCertificates? = nil, certificate: TestCertificates.Kind = .good,
    options: DovecotOptions = DovecotOptions()
  ) throws -> DovecotServer {
    var problem = TestFailure("")
    for attempt in 1...3 {  // a port may be taken by someone else before Dovecot takes it
      do {
        return try DovecotServer(
          directory, attempt == 1 ? name : "\(name)-\(attempt)", accounts, certificates,
          certificate, options)
      } catch let failure as TestFailure where failure.description.contains("in use") {
        problem = failure
      }
    }
    throw problem
  }

  private init(
    _ directory: TemporaryDirectory, _ name: String, _ accounts: [Account],
    _ certificates: TestCertificates?, _ certificate: TestCertificates.Kind,
    _ options: DovecotOptions
  ) throws {
    let program = try findProgram("dovecot", package: "dovecot-imapd")
    self.directory = directory
    self.certificates = certificates
    self.options = options
    let home = try directory.directory(name)
    self.home = home
    port = try findFreePort()
    tlsPort = try findFreePort()
    let users = accounts.map { "\($0.name):{PLAIN}\($0.password)::::\(home)/mail/\($0.name)::\n" }
    for account in accounts { _ = try directory.directory("\(name)/mail/\(account.name)") }
    try directory.write(users.joined(), to: "\(name)/users", mode: 0o600)
    let tls =
      certificates.map {
        "ssl = yes\nssl_cert = <\($0.certificate(certificate))\nssl_key = <\($0.key)\n"
      } ?? "ssl = no\n"
    configuration = try directory.write(
      daemonSettings(
        home: home, user: directory.user, port: port, tlsPort: certificates == nil ? 0 : tlsPort)
        + "disable_plaintext_auth = \(certificates == nil ? "no" : "yes")\n" + tls
        + options.mailSettings(), to: "\(name)/dovecot.conf")

    process = try Self.launch(program, configuration, home, directory.user)
    try waitForGreeting()
  }

  private static func launch(
    _ program: String, _ configuration: String, _ home: String, _ user: OrdinaryUser
  ) throws -> ChildProcess {
    // Descriptor 3 ends with the tests' process; then the watcher kills its session.
    let watched = "{ read -r _; kill -KILL 0; } <&3 & exec \"$@\" 3<&-"
    return try ChildProcess(
      user.prefix + ["/bin/sh", "-c", watched, "sh", program, "-F", "-c", configuration],
      environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
      output: .file("\(home)/stdout"), error: .file("\(home)/stderr"), lifeline: true)
  }

  /// Starts it again on its ports, with its mail, after ``stop()``.
  public func restart() throws {
    unlink("\(home)/run/master.pid")
    let program = try findProgram("dovecot", package: "dovecot-imapd")
    process = try Self.launch(program, configuration, home, directory.user)
    try waitForGreeting()
  }

  /// Kills it, and waits until its port is closed: its processes end one by one.
  public func stop() {
    process.end()
    for _ in 1...1_000 {
      guard let socket = try? connectLocally(to: port) else { return }
      close(socket)
      usleep(1_000)
    }
  }

  /// What it logged, for messages of failed tests.
  public var log: String {
    ["log", "stderr"].map { (try? String(contentsOfFile: "\(home)/\($0)", encoding: .utf8)) ?? "" }
      .joined()
  }

  /// Runs `doveadm` on it.
  @discardableResult
  public func doveadm(_ arguments: [String]) throws -> String {
    let program = try findProgram("doveadm", package: "dovecot-core")
    let result = try runProgram(
      directory.user.prefix + [program, "-c", "\(home)/dovecot.conf"] + arguments,
      scratch: directory)
    guard result.code == 0 else {
      throw TestFailure("doveadm \(arguments): \(result.errorText)")
    }
    return result.outputText
  }

  private func waitForGreeting() throws {
    let deadline = Date.now + 20
    while Date.now < deadline, process.poll() == nil {
      if let socket = try? connectLocally(to: port) {
        var bytes = [UInt8](repeating: 0, count: 4)
        let count = recv(socket, &bytes, 4, Int32(MSG_WAITALL))
        close(socket)
        if count == 4, bytes == Array("* OK".utf8) { return }
      }
      usleep(5_000)
    }
    let said = log
    stop()
    throw TestFailure("Dovecot did not start: \(said)")
  }
}

private func daemonSettings(home: String, user: OrdinaryUser, port: UInt16, tlsPort: UInt16)
  -> String
{
  """
  base_dir = \(home)/run
  state_dir = \(home)/run
  log_path = \(home)/log
  protocols = imap
  listen = 127.0.0.1
  default_internal_user = \(user.name)
  default_internal_group = \(user.group)
  default_login_user = \(user.name)
  default_process_limit = 1000
  default_client_limit = 3000
  mail_uid = \(user.uid)
  mail_gid = \(user.gid)
  mail_max_userip_connections = 100
  auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  auth_failure_delay = 0
  auth_username_chars =
  passdb {
    driver = passwd-file
    args = username_format=%u \(home)/users
  }
  userdb {
    driver = passwd-file
    args = username_format=%u \(home)/users
  }
  service imap-login {
    chroot =
    process_min_avail = 1
    inet_listener imap {
      port = \(port)
    }
    inet_listener imaps {
      port = \(tlsPort)
      ssl = yes
    }
  }
  service anvil {
    chroot =
    unix_listener anvil-auth-penalty {
      mode = 0
    }
  }
  service stats {
    chroot =
  }
  service auth {
    user = \(user.name)
  }
  service auth-worker {
    user = \(user.name)
  }

  """
}
