import SyncEngine

/// What is configured of a pair.
struct PairSettings: Sendable {
  var name: String
  /// Before each line about its run; a pair of two endpoints given on the spot needs none, being the only one.
  var label: String { isOnTheSpot ? "" : name }
  var isOnTheSpot = false
  var policy = Policy()
  var before: String?
  var after: String?
  var endpoints = Both(left: EndpointSettings(), right: EndpointSettings())

  init(name: String) { self.name = name }
}

/// Keys of a `[pair]` section; `left` and `right` besides, which name endpoints.
enum PairKeys {
  static let all: [Key<PairSettings>] = [
    Key("mailboxes") { pair, value, _ throws(ValueError) in
      pair.policy.mailboxes = try ValueParsers.patterns(value)
    },
    Key("map") { pair, value, _ throws(ValueError) in
      pair.policy.map = try ValueParsers.map(value)
    },
    Key("create") { pair, value, _ throws(ValueError) in
      pair.policy.create = try ValueParsers.choice(value, Policy.Where.self)
    },
    Key("delete") { pair, value, _ throws(ValueError) in
      pair.policy.delete = try ValueParsers.choice(value, Policy.Where.self)
    },
    Key("rename") { pair, value, _ throws(ValueError) in
      pair.policy.followsRenames = try ValueParsers.yesOrNo(value)
    },
    Key("subscriptions") { pair, value, _ throws(ValueError) in
      pair.policy.syncsSubscriptions = try ValueParsers.yesOrNo(value)
    },
    Key("expunge") { pair, value, _ throws(ValueError) in
      pair.policy.expunge = try ValueParsers.choice(value, Policy.Where.self)
    },
    Key("conflict") { pair, value, _ throws(ValueError) in
      pair.policy.conflict = try ValueParsers.choice(value, Policy.Conflict.self)
    },
    Key("uids") { pair, value, _ throws(ValueError) in
      pair.policy.uids = try ValueParsers.choice(value, Policy.UIDs.self)
    },
    Key("max-uid-padding") { pair, value, _ throws(ValueError) in
      pair.policy.maxUIDPadding = try ValueParsers.number(value, 0...1_000_000_000)
    },
    Key("max-size") { pair, value, _ throws(ValueError) in
      pair.policy.maxSize = try ValueParsers.size(value)
    },
    Key("since") { pair, value, context throws(ValueError) in
      pair.policy.since = try Since.parse(value.text, now: context.now)
    },
    Key("max-expunge") { pair, value, _ throws(ValueError) in
      pair.policy.maxExpunge = try ValueParsers.expungeLimit(value)
    },
    Key("before") { pair, value, _ throws(ValueError) in
      pair.before = try ValueParsers.nonEmpty(value.inner, "a command")
    },
    Key("after") { pair, value, _ throws(ValueError) in
      pair.after = try ValueParsers.nonEmpty(value.inner, "a command")
    },
  ]

  /// Names for people: with the two that name endpoints.
  static let names = ["left", "right"] + all.map(\.name)
}
