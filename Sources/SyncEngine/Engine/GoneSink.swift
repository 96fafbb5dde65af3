import IMAPClient

/// Notes which messages are not there any more, and nothing else of what it is given.
final class GoneSink: MessageSink {
  let wantedForm = MessageForm.stored
  private(set) var gone: [MessageHandle] = []

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) {}
  func write(_ bytes: UnsafeRawBufferPointer) {}
  func end() {}

  func missing(_ handle: MessageHandle, why: String?) {
    if why == nil { gone.append(handle) }
  }
}
