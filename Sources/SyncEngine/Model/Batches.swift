/// How many messages are placed before what was done is recorded.
public struct Batches: Hashable, Sendable {
  /// A server is kept waiting between two batches.
  public var forServer: Int
  /// What a Maildir gets is written down in smaller ones.
  public var forMaildir: Int
  /// To number a message of a Maildir takes no more than a line of a list. As many as a server gets at a time, so that it
  /// is not kept waiting for two lists.
  public var numbered: Int
  /// So many are noted as intended at a time, rather than those of each batch while the server waits.
  public var intended: Int
  /// So many messages that one side has and the other lacks are held in memory with all that may have to be known of them.
  public var arrivals: Int

  public static let standard = Batches(
    forServer: 2000, forMaildir: 2000, numbered: 2000, intended: 5000, arrivals: 20_000)

  /// So small that what may happen between two of them happens to a few messages, too.
  public static let smallest = Batches(
    forServer: 2, forMaildir: 1, numbered: 2, intended: 3, arrivals: 3)
}
