import Glibc
import SyncEngine
import Synchronization

/// SIGINT, SIGTERM and SIGHUP: the first stops the run after the operations under way, the second ends
/// the program at once.
enum StopSignals {
  static let cancellation = Cancellation()
  private static let count = Atomic<Int>(0)

  static func install() {
    // Set up here, not in the handler.
    _ = cancellation.isRequested
    _ = count.load(ordering: .relaxed)
    HiddenInput.restore()
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let before = signal(number) { _ in StopSignals.handle() }
      // A shell that runs a job in the background, or nohup, had it ignored: that holds.
      if unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
        signal(number, SIG_IGN)
      }
    }
  }

  private static func handle() {
    let saved = errno
    if count.add(1, ordering: .relaxed).oldValue > 0 {
      HiddenInput.restore()
      _exit(ExitCode.tryAgain.rawValue)
    }
    cancellation.request()
    errno = saved
  }
}
