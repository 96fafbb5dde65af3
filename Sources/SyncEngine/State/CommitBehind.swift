/// A commit that a thread of its own carries out while the caller goes on.
final class CommitBehind: @unchecked Sendable {
  private var thread: Thread?
  /// Written by the thread, and read after its end.
  private var failure: StateError?

  /// - Returns: `nil` if the system has no more threads.
  init?(_ body: @escaping () throws(StateError) -> Void) {
    thread = Thread { [self] in
      do throws(StateError) { try body() } catch { failure = error }
    }
    if thread == nil { return nil }
  }

  /// Waits for it.
  func finish() throws(StateError) {
    thread?.join()
    thread = nil
    if let failure { throw failure }
  }
}
