/// How much of a server's output is held at a time.
public struct WireLimits: Hashable, Sendable {
  /// Octets of one response without its literals.
  public var line = 1 << 20
  /// The same for SEARCH, ESEARCH and VANISHED, which may name every message of a mailbox.
  public var longLine = 32 << 20
  /// Octets of all literals of one response that are gathered (headers).
  public var gatheredLiterals = 16 << 20
  /// Literals of one response, of whatever size.
  public var literalCount = 1000

  public init() {}

  public static let standard = WireLimits()
}
