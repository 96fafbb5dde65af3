import Glibc
import IMAPClient

/// Makes the endpoints of a Maildir tree.
public final class MaildirEndpointFactory: EndpointFactory {
  public let name: String
  public let connectionLimit: Int
  private let root: String
  private let layout: MaildirLayout?
  private let surroundings: MaildirSurroundings
  private let keptNames: NamesDirectory?
  private let cancellation: Cancellation?

  /// - Parameters:
  ///   - root: the path of the tree, `~` expanded; it need not exist.
  ///   - layout: `nil`: as what is there shows, else Maildir++.
  ///   - keptNames: where the names of large folders are kept between runs; `nil`: they are not.
  ///   - cancellation: ends the wait for another program's lock.
  public convenience init(
    root: String, layout: MaildirLayout? = nil, connectionLimit: Int = 4,
    cancellation: Cancellation? = nil, keptNames: NamesDirectory? = nil
  ) {
    self.init(
      root: root, layout: layout, connectionLimit: connectionLimit, cancellation: cancellation,
      surroundings: .machine, keptNames: keptNames)
  }

  init(
    root: String, layout: MaildirLayout?, connectionLimit: Int, cancellation: Cancellation?,
    surroundings: MaildirSurroundings, keptNames: NamesDirectory? = nil
  ) {
    name = "maildir:\(root)"
    self.root = root
    self.layout = layout
    self.connectionLimit = connectionLimit
    self.cancellation = cancellation
    self.surroundings = surroundings
    self.keptNames = keptNames
  }

  public func connect() throws(EndpointError) -> any Endpoint { try makeEndpoint() }

  func makeEndpoint() throws(EndpointError) -> MaildirEndpoint {
    let store = MaildirStore(
      path: root, layout: layout, surroundings, cancellation: cancellation, keptNames: keptNames)
    // A root that is there but can't be read is an error at once; one that is missing is not.
    _ = try store.root()
    return MaildirEndpoint(store)
  }
}
