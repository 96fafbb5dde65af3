import IMAPClient
import SyncEngine

/// Builds what drives an endpoint from what is configured of it.
struct Assembly {
  let environment: Environment
  let cancellation: Cancellation
  /// Passwords of the environment, taken out of it.
  let passwords: Both<String?>
  /// Where TLS sessions are kept; `nil`: they are not.
  var sessionDirectory: String?
  /// Where the names of large Maildir folders are kept; `nil`: they are not.
  var keptNames: Both<NamesDirectory?> = Both(left: nil, right: nil)

  func factory(
    _ settings: EndpointSettings, _ side: Side, trace: (any WireTrace)?
  ) -> any EndpointFactory {
    switch settings.url {
    case .maildir(let path):
      return MaildirEndpointFactory(
        root: path, layout: settings.layout, connectionLimit: settings.connections,
        cancellation: cancellation, keptNames: keptNames[side])
    case .imap(_, _, let host, _):
      return server(settings, side, .tcp(host: host, port: settings.port), trace: trace)
    case .exec(let command):
      return server(settings, side, .command(command), trace: trace)
    case nil:
      return NoEndpointFactory()
    }
  }

  private func server(
    _ settings: EndpointSettings, _ side: Side, _ target: IMAPConfiguration.Target,
    trace: (any WireTrace)?
  ) -> IMAPEndpointFactory {
    IMAPEndpointFactory(
      name: settings.name(environment),
      configuration: configuration(settings, side, target, trace: trace),
      connectionLimit: settings.connections)
  }

  /// A file for each server.
  private func sessions(_ configuration: IMAPConfiguration) -> TLSSessionFile? {
    guard let sessionDirectory, configuration.tls != .none,
      case .tcp(let host, let port) = configuration.target
    else { return nil }
    let digest = GlobalUID(bytes: SHA256.digest(of: Array("\(host) \(port)".utf8)))
    return digest.map { TLSSessionFile(path: "\(sessionDirectory)/tls-\($0).session") }
  }

  func configuration(
    _ settings: EndpointSettings, _ side: Side, _ target: IMAPConfiguration.Target,
    trace: (any WireTrace)?
  ) -> IMAPConfiguration {
    var configuration = IMAPConfiguration(target: target, tls: settings.tlsMode)
    configuration.tlsOptions = settings.tlsOptions
    configuration.mechanisms = settings.mechanisms
    configuration.timeoutSeconds = settings.timeoutSeconds
    configuration.compresses = settings.compresses
    configuration.disabledCapabilities = settings.disabledCapabilities
    configuration.trace = trace
    configuration.tlsSessions = sessions(configuration)
    let user = settings.userName(environment)
    configuration.user = user
    var host: String?
    if case .tcp(let name, _) = target { host = name }
    let source = PasswordSource(
      PasswordSource.Request(
        side: side, key: settings.password, host: host, user: user ?? "",
        fromEnvironment: passwords[side], netrcPath: environment.home.map { "\($0)/.netrc" },
        endpoint: settings.name(environment)), cancellation: cancellation)
    configuration.password = { () throws(PasswordError) in try source.password() }
    return configuration
  }
}
