import IMAPClient
import Synchronization

/// Makes endpoints of one IMAP account.
public final class IMAPEndpointFactory: EndpointFactory {
  public let name: String
  public let connectionLimit: Int
  private let configuration: IMAPConfiguration
  private let profile = Mutex<ServerProfile?>(nil)
  private let made = MadeMailboxes()
  let helpers = IMAPHelpers()
  /// Between attempts to log in to a server that is busy: it may still be ending the session of the run
  /// before, whose good-bye was not waited for.
  private static let pauses: [UInt32] = [100, 200, 400, 800, 1600, 3200]

  public init(name: String, configuration: IMAPConfiguration, connectionLimit: Int = 4) {
    self.name = name
    self.connectionLimit = connectionLimit
    self.configuration = configuration
  }

  public func connect() throws(EndpointError) -> any Endpoint {
    if let helper = helpers.takeOver() { return helper }
    let endpoint = try connectIMAP()
    helpers.noteLane()
    return endpoint
  }

  public func allow(connections: Int) { helpers.allow(connections) }

  public var traffic: Traffic { helpers.traffic }

  public func disconnect() { helpers.disconnect() }

  func connectIMAP() throws(EndpointError) -> IMAPEndpoint {
    let known = profile.withLock { $0 }
    // Another connection is a help, not a need.
    var pauses = known == nil ? IMAPEndpointFactory.pauses[...] : []
    while true {
      do {
        return try connect(knowing: known)
      } catch  where error.kind == .busy && !pauses.isEmpty {
        Pause.milliseconds(pauses.removeFirst())
      } catch {
        throw EndpointError(error)
      }
    }
  }

  private func connect(knowing known: ServerProfile?) throws(IMAPError) -> IMAPEndpoint {
    let connection = try IMAPConnection.connect(configuration, profile: known)
    return IMAPEndpoint(
      connection, knowsProfile: known != nil, made: made, helpers: helpers,
      connectHelper: { [self] () throws(EndpointError) in try connectIMAP() },
      onProfile: { [self] learnt in profile.withLock { $0 = learnt } })
  }
}
