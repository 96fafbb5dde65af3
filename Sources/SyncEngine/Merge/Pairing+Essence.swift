import IMAPClient

/// The last step of the ladder: messages that another program has changed when it copied them.
extension Pairing {
  /// A message that the steps before have not matched.
  public struct Kin: Hashable, Sendable {
    public var candidate: Candidate
    /// Octets, without what another program added, as far as that is known.
    public var bareSize: UInt64
    /// Another program is known to have handled it: by its lines, or by the file's name.
    public var isHandled: Bool
    public var shape: EssenceHasher.Shape?

    public init(_ candidate: Candidate, size: UInt64, isHandled: Bool) {
      self.candidate = candidate
      bareSize = size
      self.isHandled = isHandled
    }

    /// Takes what the header told.
    public mutating func learn(_ shape: EssenceHasher.Shape) {
      self.shape = shape
      bareSize = shape.bareSize
      isHandled = isHandled || shape.isMarked
    }
  }

  /// Those that may be kin of one on the other side, as far as sizes tell; only their headers are needed.
  public static func wanted(_ kin: Both<[Kin]>) -> Both<[Int]> {
    let other = Both { SizeIndex(kin[$0.other]) }
    return Both { side in
      kin[side].indices.filter { other[side].hasKin(of: kin[side][$0]) }
    }
  }

  /// By essence. A message whose header does not tell is only matched if its body was digested.
  ///
  /// - Returns: the matches; they are taken out of `kin`.
  public static func matchByEssence(_ kin: inout Both<[Kin]>) -> [Match] {
    var candidates = kin.map { $0.map(\.candidate) }
    let essences = kin.map { side in
      Dictionary(
        side.compactMap { kin in essence(of: kin).map { (kin.candidate.index, $0) } },
        uniquingKeysWith: { first, _ in first })
    }
    // An index names one message of one side only.
    let all = essences.left.merging(essences.right) { first, _ in first }
    let matches = match(&candidates) { all[$0.index] }
    let rest = candidates.map { Set($0.map(\.index)) }
    kin = Both { side in kin[side].filter { rest[side].contains($0.candidate.index) } }
    return matches
  }

  private static func essence(of kin: Kin) -> Essence? {
    guard let shape = kin.shape, shape.isTelling || shape.essence.body != nil else { return nil }
    return shape.essence
  }

  /// Of those whose header does not tell: the ones of which the other side has an equal header over a body
  /// of equal size, so that the bodies have to decide.
  public static func undecided(_ kin: Both<[Kin]>) -> Both<[Int]> {
    let open = kin.map { side in
      side.indices.filter {
        side[$0].shape.map { !$0.isTelling && $0.essence.body == nil } ?? false
      }
    }
    let keys = Both { side in Set(open[side].compactMap { kin[side][$0].shape?.essence }) }
    return Both { side in
      open[side].filter { index in
        kin[side][index].shape.map { keys[side.other].contains($0.essence) } ?? false
      }
    }
  }
}

/// The sizes of one side's messages.
private struct SizeIndex {
  private let handled: [UInt64]
  private let others: [UInt64]

  init(_ kin: [Pairing.Kin]) {
    handled = kin.filter(\.isHandled).map(\.bareSize).sorted()
    others = kin.filter { !$0.isHandled }.map(\.bareSize).sorted()
  }

  func hasKin(of kin: Pairing.Kin) -> Bool {
    let size = kin.bareSize
    let slack = EssenceHasher.slack
    if SizeIndex.has(handled, within: slack, of: size) { return true }
    if kin.isHandled { return SizeIndex.has(others, within: slack, of: size) }
    // Nobody knows whether one of them has isync's line.
    let line = EssenceHasher.syncLineSize
    return SizeIndex.has(others, within: 0, of: size &+ line)
      || size >= line && SizeIndex.has(others, within: 0, of: size - line)
  }

  private static func has(_ sizes: [UInt64], within slack: UInt64, of size: UInt64) -> Bool {
    let least = size >= slack ? size - slack : 0
    var low = 0
    var high = sizes.count
    while low < high {
      let middle = (low + high) / 2
      if sizes[middle] < least { low = middle + 1 } else { high = middle }
    }
    let (most, isAll) = size.addingReportingOverflow(slack)
    return low < sizes.count && (isAll || sizes[low] <= most)
  }
}
