import IMAPClient

/// Finds equal messages, as multisets: two copies here and one there are two messages, one of them on
/// both sides (design.md §3).
///
/// Pure; which contents have to be known first, it says itself by ``wanted(_:)``.
public struct Pairing: Sendable {
  /// A message that one side has and the other has not, as far as the base knows.
  public struct Candidate: Hashable, Sendable {
    /// The caller's index of it.
    public var index: Int
    /// `nil` for a message that this side expunged, and of which the base knows the content.
    public var handle: MessageHandle?
    public var size: UInt64?
    /// The side's own id.
    public var id: GlobalUID?
    public var content: ContentID?
    /// The received date: tells apart messages of equal content.
    public var date: InternalDate?
    /// It is equal to none of another date: a stub (`max-size`), of a time in which nothing was lost from sight.
    public var keepsDate: Bool

    public init(
      index: Int, handle: MessageHandle?, size: UInt64?, id: GlobalUID?, content: ContentID?,
      date: InternalDate? = nil, keepsDate: Bool = false
    ) {
      self.index = index
      self.handle = handle
      self.size = size
      self.id = id
      self.content = content
      self.date = date
      self.keepsDate = keepsDate
    }
  }

  public struct Match: Hashable, Sendable {
    public var left: Int
    public var right: Int
  }

  /// First by the sides' own ids, where replication by other means has made them the same.
  ///
  /// - Returns: the matches; they are taken out of `candidates`.
  public static func matchByID(_ candidates: inout Both<[Candidate]>) -> [Match] {
    match(&candidates) { candidate -> ContentID? in
      guard let id = candidate.id, let size = candidate.size else { return nil }
      return ContentID(size: size, digest: id)
    }
  }

  /// The candidates whose contents have to be known before ``matchByContent(_:)``: those of a size that
  /// occurs on both sides.
  public static func wanted(_ candidates: Both<[Candidate]>) -> Both<[Candidate]> {
    let sizes = candidates.map { Set($0.compactMap(\.size)) }
    let common = sizes.left.intersection(sizes.right)
    return candidates.map { side in
      side.filter { candidate in
        guard let size = candidate.size else { return false }
        return candidate.content == nil && candidate.handle != nil && common.contains(size)
      }
    }
  }

  /// By size and digest.
  ///
  /// - Returns: the matches; they are taken out of `candidates`.
  public static func matchByContent(_ candidates: inout Both<[Candidate]>) -> [Match] {
    match(&candidates, by: \.content)
  }

  static func match<Key: Hashable>(
    _ candidates: inout Both<[Candidate]>, by key: (Candidate) -> Key?
  ) -> [Match] {
    let groups = Groups(candidates, by: key)
    var matches: [Match] = []
    for (lefts, rights) in groups {
      matches += pairUp(
        lefts.map { candidates.left[Int($0)] }, rights.map { candidates.right[Int($0)] })
    }
    let taken = Both(left: Set(matches.map(\.left)), right: Set(matches.map(\.right)))
    candidates.left.removeAll { taken.left.contains($0.index) }
    candidates.right.removeAll { taken.right.contains($0.index) }
    return matches.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
  }

  /// What makes two messages of equal content more likely the same one.
  private struct Trait: Hashable {
    var uid: UID?
    var date: InternalDate?
  }

  /// Equal messages on both sides: those of one UID and date first, then of one date, then of one UID;
  /// the rest in the order of their UIDs. A stub of another date is a twin's: it asks for that one.
  private static func pairUp(_ lefts: [Candidate], _ rights: [Candidate]) -> [Match] {
    var matches: [Match] = []
    var rest = Both(left: inOrder(lefts), right: inOrder(rights))
    let isDated = lefts.contains(where: \.keepsDate) || rights.contains(where: \.keepsDate)
    if lefts.count > 1 || rights.count > 1 || isDated {
      matches += pairUp(&rest) { candidate in
        candidate.handle?.uid.map { Trait(uid: $0, date: candidate.date) }
      }
      matches += pairUp(&rest) { candidate in candidate.date.map { Trait(uid: nil, date: $0) } }
      if isDated { rest = rest.map { $0.filter { !$0.keepsDate } } }
      matches += pairUp(&rest) { candidate in
        candidate.handle?.uid.map { Trait(uid: $0, date: nil) }
      }
    }
    for (left, right) in zip(rest.left, rest.right) {
      matches.append(Match(left: left.index, right: right.index))
    }
    return matches
  }

  private static func pairUp(
    _ rest: inout Both<[Candidate]>, by trait: (Candidate) -> Trait?
  ) -> [Match] {
    var twins: [Trait: [Candidate]] = [:]
    for candidate in rest.right.reversed() {
      if let trait = trait(candidate) { twins[trait, default: []].append(candidate) }
    }
    var matches: [Match] = []
    var taken = Set<Int>()
    rest.left.removeAll { candidate in
      guard let trait = trait(candidate), let twin = twins[trait]?.popLast() else { return false }
      matches.append(Match(left: candidate.index, right: twin.index))
      taken.insert(twin.index)
      return true
    }
    rest.right.removeAll { taken.contains($0.index) }
    return matches
  }

  private static func inOrder(_ candidates: [Candidate]) -> [Candidate] {
    candidates.sorted { a, b in
      switch (a.handle, b.handle) {
      case (let a?, let b?): a < b
      case (.some, nil): true
      case (nil, .some): false
      case (nil, nil): a.index < b.index
      }
    }
  }
}
