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
    /// Why some of it was lost; 0: none, or nobody wanted it any more.
    var loss: Int32 = 0
    /// Makes the line of progress, while there is one.
    var bar: (@Sendable (Int) -> String)?
    /// How much of it stands on the terminal; 0: it was erased for something else.
    var barColumns = 0
    var barWasDrawn: Int64 = 0
    var ticks = false
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
  ///
  /// - Returns: why not all of standard output could be written, if it is so.
  @discardableResult
  func finish() -> SystemError? {
    state.withLock { state in
      eraseBar(&state)
      flush(&state)
      return state.loss == 0 ? nil : SystemError("can't write standard output", Errno(state.loss))
    }
  }

  // MARK: Progress

  /// Shows a line below what is printed, until ``hideBar()``; it is drawn anew now and then, so that it
  /// tells the truth also when nothing happens.
  ///
  /// - Parameter line: makes the text, given the columns there are.
  func showBar(_ line: @escaping @Sendable (Int) -> String) {
    guard showsBar else { return }
    let startsTicking = state.withLock { state in
      state.bar = line
      drawBar(&state)
      defer { state.ticks = true }
      return !state.ticks
    }
    if startsTicking {
      Ticker.start(milliseconds: 250) { [self] in
        state.withLock { state in
          drawBar(&state)
          state.ticks = state.bar != nil
          return state.ticks
        }
      }
    }
  }

  /// Draws the bar anew, not more than ten times a second.
  func updateBar() {
    guard showsBar else { return }
    state.withLock { state in
      guard Clock.milliseconds() - state.barWasDrawn >= 100 else { return }
      drawBar(&state)
    }
  }

  func hideBar() {
    state.withLock { state in
      eraseBar(&state)
      state.bar = nil
    }
  }

  private func drawBar(_ state: inout State) {
    guard let bar = state.bar else { return }
    let columns = Terminal.width(STDERR_FILENO)
    let text = Text.escaped(bar(columns - 1))
    guard !text.isEmpty else { return }
    let start = returnToBar(&state, columns: columns)
    Console.write(Array("\(start)\(text)\u{1b}[K".utf8), STDERR_FILENO)
    state.barColumns = DisplayWidth.of(text)
    state.barWasDrawn = Clock.milliseconds()
  }

  private func eraseBar(_ state: inout State) {
    guard state.barColumns > 0 else { return }
    let start = returnToBar(&state, columns: Terminal.width(STDERR_FILENO))
    Console.write(Array("\(start)\u{1b}[K".utf8), STDERR_FILENO)
  }

  /// What brings the cursor to the beginning of the line that was drawn last: a terminal that has become
  /// narrower broke it into several.
  private func returnToBar(_ state: inout State, columns: Int) -> String {
    let rows = state.barColumns > columns ? (state.barColumns - 1) / max(1, columns) : 0
    state.barColumns = 0
    return rows > 0 ? "\u{1b}[\(rows)A\r\u{1b}[J" : "\r"
  }

  private func flush(_ state: inout State) {
    let error = Console.write(state.pending, STDOUT_FILENO)
    if error != 0, error != EPIPE { state.loss = error }
    state.pending.removeAll(keepingCapacity: true)
  }

  /// Nobody may be reading any more; the sync goes on all the same.
  ///
  /// - Returns: the error number; 0 if all was written.
  @discardableResult
  private static func write(_ bytes: [UInt8], _ descriptor: Int32) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
