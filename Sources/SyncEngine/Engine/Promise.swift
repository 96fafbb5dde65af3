/// Something that is done on another thread, or when it is waited for. It is nobody else's thread's to use.
final class Promise<Value> {
  private let body: () -> Value
  private var thread: Thread?
  private var value: Value?

  init(_ body: @escaping () -> Value) { self.body = body }

  /// What has come of it already.
  static func done(_ value: Value) -> Promise {
    let promise = Promise { value }
    promise.value = value
    return promise
  }

  /// Whoever starts it has to wait for it, too.
  func start() {
    guard value == nil else { return }
    thread = Thread { [self] in value = body() }
  }

  func finish() {
    thread?.join()
    thread = nil
    if value == nil { value = body() }
  }

  /// What has come of it, if it is finished.
  func peek() -> Value? { thread == nil ? value : nil }

  /// What came of it, which is not kept here.
  func take() -> Value {
    finish()
    defer { value = nil }
    return value ?? body()
  }
}
