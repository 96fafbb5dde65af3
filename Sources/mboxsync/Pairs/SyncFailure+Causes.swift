import IMAPClient
import SyncEngine

extension SyncFailure {
  /// A failure of the pair as a whole, outside of both sides.
  init(pair code: FailureCode, _ message: String, advice: String) {
    self.init(
      side: nil, mailbox: nil, code: code, scope: .side, message: message, advice: advice)
  }

  init(_ error: StateError) {
    let failure = EndpointError(error)
    self.init(pair: failure.code, failure.message, advice: failure.advice)
  }

  init(_ error: EndpointError, side: Side?, mailbox: MailboxName? = nil) {
    self.init(
      side: side, mailbox: mailbox, code: error.code, scope: error.scope, message: error.message,
      advice: error.advice)
  }
}
