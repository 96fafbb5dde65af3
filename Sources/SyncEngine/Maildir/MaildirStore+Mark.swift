import IMAPClient

/// The marks of the pairs that sync this store: a file in the root, a line each. An empty directory
/// where the store used to be (a disk that is not mounted) does not have it. Other lines are of
/// ``MaildirStore/noteFormer(_:withThoseBelow:)``.
extension MaildirStore {
  private static let limit = 1 << 20

  func hasMark(_ mark: String) throws(EndpointError) -> MarkState {
    guard try root() != nil else { return .noStore }
    return try marks().contains(Array(mark.utf8)) ? .present : .absent
  }

  func leaveMark(_ mark: String) throws(EndpointError) {
    let line = mark.utf8.filter { $0 != 0x0a && $0 != 0x0d }
    try changeMarks { lines in if !lines.contains(line) { lines.append(line) } }
  }

  func changeMarks(_ change: (inout [[UInt8]]) -> Void) throws(EndpointError) {
    let root = try existingRoot()
    let lock = try Dotlock(
      guarding: MaildirStore.markName, in: root, at: path, surroundings,
      cancellation: cancellation)
    defer { lock.release() }
    let before = try marks()
    var lines = before
    change(&lines)
    guard lines != before else { return }
    try replace(MaildirStore.markName, lines.flatMap { $0 + [0x0a] }, mode: 0o600)
  }

  func marks() throws(EndpointError) -> [[UInt8]] {
    (try read(MaildirStore.markName, limit: MaildirStore.limit) ?? []).split(separator: 0x0a)
      .map(Array.init)
  }
}
