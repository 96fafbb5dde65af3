import Glibc
import IMAPClient
import SyncEngine
import Synchronization

/// Everything this program prints; used by several threads, whole lines at a time.
final class Console: Sendable {
  enum Style: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  enum Stream: Sendable {
    case output
    case error

    fileprivate var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }
  }

  private struct State {
    /// Standard output that is not written yet.
    var pending: [UInt8] = []
    var barIsShown = false
    var barWasDrawn: Int64 = 0
  }

  /// -1 quiet, 1 changes, 2 changes and protocol.
  let verbosity: Int
  let outputIsTerminal: Bool
  private let colors: (output: Bool, error: Bool)
  private let showsBar: Bool
  private let state = Mutex(State())

  init(_ invocation: Invocation, _ environment: Environment) {
    verbosity = invocation.verbosity
    outputIsTerminal = Terminal.isTerminal(STDOUT_FILENO)
    let errorIsTerminal = Terminal.isTerminal(STDERR_FILENO)
    let isCapable = environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"
    colors =
      switch invocation.color {
      case .auto: (outputIsTerminal && isCapable, errorIsTerminal && isCapable)
      case .always: (true, true)
      case .never: (false, false)
      }
    showsBar =
      switch invocation.progress {
      case .auto: errorIsTerminal && environment["TERM"] != "dumb" && invocation.verbosity == 0
      case .always: true
      case .never: false
      }
  }

  // MARK: Lines

  /// Prints a line whose control characters have been escaped already.
  func print(_ line: String, on stream: Stream = .output) {
    state.withLock { state in
      eraseBar(&state)
      if stream == .error {
        Console.write(Array("\(line)\n".utf8), STDERR_FILENO)
      } else {
        state.pending += Array("\(line)\n".utf8)
        if outputIsTerminal || state.pending.count > 32 << 10 { flush(&state) }
      }
    }
  }

  /// `mboxsync: PAIR: SIDE: MAILBOX: what happened: what to do about it`
  func failure(_ failure: SyncFailure, pair: String, style: Style = .red) {
    let place = [pair, failure.side?.rawValue, failure.mailbox?.path].compactMap { $0 }
    complain(place + [failure.message, failure.advice], style: style)
  }

  /// One line on standard error of these parts, those that are empty left out.
  func complain(_ parts: [String], style: Style = .red) {
    let text = Text.escaped(parts.filter { !$0.isEmpty }.joined(separator: ": "))
    print(paint("mboxsync:", style, on: .error) + " " + text, on: .error)
  }

  func paint(_ text: String, _ style: Style, on stream: Stream) -> String {
    guard stream == .output ? colors.output : colors.error else { return text }
    return "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m"
  }

  /// To be called before the program ends.
  func finish() {
    state.withLock { state in
      eraseBar(&state)
      flush(&state)
    }
  }

  // MARK: Progress

  /// Draws the bar anew, not more than ten times a second.
  ///
  /// - Parameter line: makes the text, given the columns there are.
  func showBar(_ line: (Int) -> String) {
    guard showsBar else { return }
    state.withLock { state in
      let now = Clock.milliseconds()
      guard !state.barIsShown || now - state.barWasDrawn >= 100 else { return }
      let text = Text.escaped(line(Terminal.width(STDERR_FILENO) - 1))
      Console.write(Array("\r\(text)\u{1b}[K".utf8), STDERR_FILENO)
      state.barIsShown = true
      state.barWasDrawn = now
    }
  }

  func hideBar() { state.withLock { eraseBar(&$0) } }

  private func eraseBar(_ state: inout State) {
    guard state.barIsShown else { return }
    Console.write(Array("\r\u{1b}[K".utf8), STDERR_FILENO)
    state.barIsShown = false
  }

  private func flush(_ state: inout State) {
    Console.write(state.pending, STDOUT_FILENO)
    state.pending.removeAll(keepingCapacity: true)
  }

  /// Nobody may be reading any more; the sync goes on all the same.
  private static func write(_ bytes: [UInt8], _ descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      } else if errno != EINTR {
        return
      }
    }
  }
}
