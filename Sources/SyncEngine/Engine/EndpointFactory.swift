/// Makes endpoints of one side; each lane that needs one asks for its own. Used by several threads.
public protocol EndpointFactory: AnyObject, Sendable {
  /// What the user calls this side's store, for messages: the URL without secrets.
  var name: String { get }
  /// At most so many endpoints at a time.
  var connectionLimit: Int { get }
  /// Connects and logs in, where there is something to connect to.
  func connect() throws(EndpointError) -> any Endpoint

  /// Tells how many connections there may be in this run. Those that no lane asks for may help one that has much to do.
  func allow(connections: Int)
  /// Of connections that no lane has.
  var traffic: Traffic { get }
  /// Ends those.
  func disconnect()
}

extension EndpointFactory {
  public func allow(connections: Int) {}
  public var traffic: Traffic { Traffic() }
  public func disconnect() {}
}
