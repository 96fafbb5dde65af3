/// Told of everything that a server says and that is not the connection's own affair.
///
/// It is called while the connection reads: it must not call the connection, and it must take every
/// event, whatever it thinks of it. What it finds wrong it keeps until the command is answered.
public protocol ResponseObserver: AnyObject {
  /// Tagged answers come too, just before ``IMAPConnection/wait(_:)`` returns them.
  func receive(_ event: WireEvent)
}
