import Glibc
import IMAPClient
import SyncEngine

/// What of the two sides of a pair is one and the same: mail that a run takes from there, and puts there again.
enum StoreOverlap: Equatable {
  case same
  /// This side lies in the other one.
  case inside(Side)

  /// Of a local server's account and the Maildir in which it keeps its mail nothing is known here.
  static func find(
    _ endpoints: Both<EndpointSettings>, selecting patterns: MailboxPatterns,
    _ environment: Environment
  ) -> StoreOverlap? {
    let stores = endpoints.map { Store($0, environment) }
    guard let places = places(stores) else { return nil }
    let areas = Both { side in
      Area(names: places[side] + (endpoints[side].prefix?.components ?? []))
    }
    if areas.left == areas.right { return .same }
    for side in Side.allCases where areas[side].lies(in: areas[side.other], selecting: patterns) {
      return .inside(side)
    }
    return nil
  }

  var message: String {
    switch self {
    case .same: "both sides are the same: there is nothing to sync"
    case .inside(let side):
      "the \(side) side lies in the \(side.other) one, so that each run would copy it into itself: "
        + "name another place, or leave it out with 'mailboxes'"
    }
  }

  /// Where the two lie in what holds both, as names of mailboxes; `nil` if nothing does.
  private static func places(_ stores: Both<Store?>) -> Both<[String]>? {
    switch (stores.left, stores.right) {
    case (.account(let left)?, .account(let right)?):
      return left == right ? Both(left: [], right: []) : nil
    case (.directory(let left)?, .directory(let right)?):
      let (left, right) = (steps(left), steps(right))
      if right.starts(with: left) { return Both(left: [], right: names(right, below: left)) }
      if left.starts(with: right) { return Both(left: names(left, below: right), right: []) }
      return nil
    default: return nil
    }
  }

  /// Without links as far as it exists. Only two Maildirs are worth these questions at the start of a run.
  private static func steps(_ path: String) -> [Substring] {
    Paths.resolved(path).split(separator: "/")
  }

  /// The mailbox that a directory of a Maildir tree is: `.A.B` or `A/B`, whatever the layout.
  private static func names(_ path: [Substring], below root: [Substring]) -> [String] {
    path.dropFirst(root.count).flatMap { step in
      step.hasPrefix(".") ? step.split(separator: ".").map(String.init) : [String(step)]
    }
  }
}

/// A part of a store: below these names; all of it if there are none.
private struct Area: Equatable {
  var names: [String]

  /// Whether this is a part of the other one, and a mailbox that is made here would be synced as one of there.
  func lies(in other: Area, selecting patterns: MailboxPatterns) -> Bool {
    guard names.count > other.names.count, names.starts(with: other.names) else { return false }
    // One that no mailbox could be called is nothing to look for among the selected.
    guard let place = MailboxName(Array(names.dropFirst(other.names.count))) else { return true }
    guard let inbox = MailboxName(place.components + ["INBOX"]),
      let any = MailboxName(place.components + ["x"])
    else { return true }
    return [place, inbox, any].contains { patterns.matches($0) }
  }
}

/// What an endpoint's mailboxes lie in.
private enum Store {
  case directory(String)
  case account(Account)

  struct Account: Hashable {
    var command: String?
    var host: String?
    var port: UInt16?
    var user: String?
  }

  init?(_ settings: EndpointSettings, _ environment: Environment) {
    switch settings.url {
    case nil: return nil
    case .maildir(let path): self = .directory(path)
    case .exec(let command): self = .account(Account(command: command, user: settings.user))
    case .imap(_, _, let host, _):
      self = .account(
        Account(
          host: Store.known(host), port: settings.port, user: settings.userName(environment)))
    }
  }

  /// One spelling for each host.
  private static func known(_ host: String) -> String {
    var host = host.lowercased()
    if host.hasSuffix(".") { host.removeLast() }
    return ["127.0.0.1", "::1"].contains(host) ? "localhost" : host
  }
}
