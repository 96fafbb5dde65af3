import IMAPClient

/// The marks of the pairs that sync this store: a file in the root, a line each. An empty directory
/// where the store used to be (a disk that is not mounted) does not have it.
extension MaildirStore {
  private static let limit = 1 << 20

  func hasMark(_ mark: String) throws(EndpointError) -> MarkState {
    guard try root() != nil else { return .noStore }
    return try marks().contains(Array(mark.utf8)) ? .present : .absent
  }

  func leaveMark(_ mark: String) throws(EndpointError) {
    let root = try existingRoot()
    let lock = try Dotlock(
      guarding: MaildirStore.markName, in: root, at: path, surroundings,
      cancellation: cancellation)
    defer { lock.release() }
    var marks = try marks()
    let line = mark.utf8.filter { $0 != 0x0a && $0 != 0x0d }
    guard !marks.contains(line) else { return }
    marks.append(line)
    try replace(MaildirStore.markName, marks.flatMap { $0 + [0x0a] }, mode: 0o600)
  }

  private func marks() throws(EndpointError) -> [[UInt8]] {
    (try read(MaildirStore.markName, limit: MaildirStore.limit) ?? []).split(separator: 0x0a)
      .map(Array.init)
  }
}
