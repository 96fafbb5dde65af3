/// A message's bytes as users know them, by which everything that was done to it is remembered.
///
/// Hashed once: a history looks its messages up many thousand times.
public struct SimulatedMail: Hashable, Sendable {
  public let bytes: [UInt8]
  private let hash: Int

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    // FNV-1a.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    self.hash = Int(truncatingIfNeeded: hash)
  }

  public static func == (left: SimulatedMail, right: SimulatedMail) -> Bool {
    left.hash == right.hash && left.bytes == right.bytes
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
