/// How often there was something to read at once, and how often a connection had to sleep until there was.
public struct ReadingPace: Hashable, Sendable {
  package var reads: UInt64 = 0
  package var waits: UInt64 = 0

  /// Fewer tell nothing: the first answer is always waited for.
  private static let tellingReads: UInt64 = 32

  public init() {}

  /// Whether since `start` the server was what was waited for, and not whoever takes what it sends.
  public func isWaitedFor(since start: ReadingPace) -> Bool {
    let reads = reads &- start.reads
    return reads >= ReadingPace.tellingReads && (waits &- start.waits) * 2 >= reads
  }
}
