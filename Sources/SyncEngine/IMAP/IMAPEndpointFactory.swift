import IMAPClient
import Synchronization

/// Makes endpoints of one IMAP account.
public final class IMAPEndpointFactory: EndpointFactory {
  public let name: String
  public let connectionLimit: Int
  private let configuration: IMAPConfiguration
  private let profile = Mutex<ServerProfile?>(nil)

  public init(name: String, configuration: IMAPConfiguration, connectionLimit: Int = 4) {
    self.name = name
    self.connectionLimit = connectionLimit
    self.configuration = configuration
  }

  public func connect() throws(EndpointError) -> any Endpoint { try connectIMAP() }

  func connectIMAP() throws(EndpointError) -> IMAPEndpoint {
    let known = profile.withLock { $0 }
    do {
      let connection = try IMAPConnection.connect(configuration, profile: known)
      return IMAPEndpoint(connection, knowsProfile: known != nil) { [self] learnt in
        profile.withLock { $0 = learnt }
      }
    } catch {
      throw EndpointError(error)
    }
  }
}
