import CLinux
import Glibc

/// IMAP over the standard input and output of a command.
///
/// Two pipes, since Dovecot's imap refuses a socket when root starts it. The child stays in our
/// process group: `ssh` must be able to ask for a password on the terminal.
public final class CommandStream: ByteStream {
  /// How long a command may take to end by itself once its input is closed.
  private static let graceMilliseconds = 500

  private var child: ChildProcess
  private var toChild: FileDescriptor?
  private var fromChild: FileDescriptor?
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0

  /// Starts `/bin/sh -c command`.
  public init(command: String) throws(TransportError) {
    Signals.ignoreBrokenPipes()
    do {
      let input = try FileDescriptor.pipe()
      let output = try FileDescriptor.pipe()
      let childInput = try input.readEnd.aboveStandard()
      let childOutput = try output.writeEnd.aboveStandard()
      try input.writeEnd.setNonBlocking()
      try output.readEnd.setNonBlocking()
      child = try ChildProcess(shell: command, input: childInput, output: childOutput)
      toChild = consume input.writeEnd
      fromChild = consume output.readEnd
    } catch {
      throw .cannotConnect("the command can't be started: \(error)")
    }
  }

  deinit { close() }

  public var pollDescriptors: (read: Int32, write: Int32) {
    (fromChild?.rawValue ?? -1, toChild?.rawValue ?? -1)
  }

  public var hasBufferedInput: Bool { false }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  {
    if buffer.isEmpty { return .done(0) }
    do {
      let count = try fromChild?.read(into: buffer) ?? 0
      bytesRead += UInt64(count)
      if count > 0 { return .done(count) }
    } catch {
      if error.wouldBlock { return .needsRead }
      throw .broken(error.description)
    }
    if let failure = failureOfChild() { throw failure }
    return .ended
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    if bytes.isEmpty { return .done(0) }
    do throws(Errno) {
      guard let count = try toChild?.write(bytes) else { throw Errno(EPIPE) }
      bytesWritten += UInt64(count)
      return .done(count)
    } catch {
      if error.wouldBlock { return .needsWrite }
      throw failureOfChild() ?? .broken(error.description)
    }
  }

  public func flush() throws(TransportError) -> StreamProgress { .done(0) }

  /// Closes its input, lets it end, and ends it if it doesn't: within two seconds.
  public func close() {
    if toChild == nil && fromChild == nil { return }
    toChild = nil
    let deadline = Deadline.after(milliseconds: Self.graceMilliseconds)
    discardOutput(until: deadline)
    fromChild = nil
    if child.wait(until: deadline) == nil { child.terminate() }
  }

  /// Reads to the end what the child still says, so that it does not die of a broken pipe.
  private func discardOutput(until deadline: Deadline) {
    let size = 16 * 1024
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
      while !deadline.hasPassed {
        do throws(Errno) {
          if try fromChild?.read(into: buffer) ?? 0 == 0 { return }
        } catch {
          guard error.wouldBlock else { return }
          var poll = PollSet()
          poll.add(reading: pollDescriptors.read)
          if (try? poll.wait(until: deadline)) != true { return }
        }
      }
    }
  }

  /// What the end of the pipe means, if the command failed. It tells a wrong command, which never
  /// said a word, from a connection that broke.
  private func failureOfChild() -> TransportError? {
    guard let exit = child.wait(until: .after(milliseconds: Self.graceMilliseconds)),
      exit != .status(0), exit != .unknown
    else { return nil }
    let text = "the command \(exit)"
    return bytesRead == 0 ? .cannotConnect(text) : .broken(text)
  }
}
