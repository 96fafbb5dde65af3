/// Translates the configuration of isync's mbsync.
struct MbsyncTranslation {
  private let file: MbsyncFile
  private var result: MovedConfiguration
  private var accounts: [String: MbsyncFile.Section] = [:]
  private var stores: [String: MbsyncFile.Section] = [:]

  private init(_ file: MbsyncFile, path: String) {
    self.file = file
    result = MovedConfiguration(path: path)
  }

  /// - Parameter path: for messages.
  static func translate(_ bytes: [UInt8], path: String) throws(MovingError) -> MovedConfiguration {
    var translation = MbsyncTranslation(try MbsyncFile(bytes), path: path)
    try translation.run()
    return translation.result
  }

  private mutating func run() throws(MovingError) {
    // What stands before the first section holds for all channels.
    var defaults: MbsyncFile.Section = []
    var channels: [MbsyncFile.Section] = []
    for section in file.sections {
      guard let head = section.first else { continue }
      switch head.key {
      case "imapaccount": accounts[head.value] = section
      case "imapstore", "maildirstore": stores[head.value] = section
      case "channel": channels.append(section)
      case "group": remark(group: section, head)
      default: defaults += section
      }
    }
    guard !channels.isEmpty else {
      throw MovingError(line: 1, message: "there is no Channel in it")
    }
    for channel in channels { try translate(channel: channel, defaults) }
  }

  /// Its members are channels, or some mailboxes of one: `channel:box,box`.
  private mutating func remark(group lines: MbsyncFile.Section, _ head: MbsyncFile.Line) {
    let members = lines.flatMap {
      $0.key == "group" ? Array($0.arguments.dropFirst()) : $0.arguments
    }
    var names: [String] = []
    var parts = ""
    for member in members {
      let words = member.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let name = MovedConfiguration.name(words.first.map(String.init) ?? "")
      if !names.contains(name) { names.append(name) }
      guard words.count > 1 else { continue }
      let mailboxes = words[1].split(separator: ",").map { "-m \(ShellWord.quoted(String($0)))" }
      parts += "; for '\(member)' run 'mboxsync \((mailboxes + [name]).joined(separator: " "))'"
    }
    result.remark(
      head.number,
      "there are no groups: name the pairs, as in 'mboxsync \(names.joined(separator: " "))'\(parts)"
    )
  }

  // MARK: Channels

  private mutating func translate(
    channel: MbsyncFile.Section, _ defaults: MbsyncFile.Section
  ) throws(MovingError) {
    guard let head = channel.first else { return }
    let own = Array(channel.dropFirst())
    let lines = own + defaults.filter { line in !own.contains { $0.key == line.key } }
    var pair = MovedConfiguration.Section("pair", MovedConfiguration.name(head.value))
    var boxes: [String: String] = [:]
    let ends = Set(lines.map(\.key))
    guard !ends.isDisjoint(with: ["near", "slave"]), !ends.isDisjoint(with: ["far", "master"])
    else {
      throw MovingError(line: head.number, message: "Channel \(head.value) lacks Far or Near")
    }
    for line in lines where ["far", "near", "master", "slave"].contains(line.key) {
      let side = line.key == "near" || line.key == "slave" ? "left" : "right"
      let parts = line.value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      // `:store:box`
      let rest = parts.count == 2 ? parts[1] : ""
      let name = rest.prefix { $0 != ":" }
      boxes[side] = String(rest.dropFirst(name.count + 1))
      try endpoint(String(name), line.number)
      pair.set(side, MovedConfiguration.name(String(name)))
    }
    setMailboxes(lines, boxes, head, &pair)
    for line in lines { translate(line, &pair) }
    // mbsync creates and expunges nothing unless it is told to.
    if !pair.has("create") { pair.set("create", "none") }
    result.append(pair)
  }

  private mutating func setMailboxes(
    _ lines: MbsyncFile.Section, _ boxes: [String: String], _ head: MbsyncFile.Line,
    _ pair: inout MovedConfiguration.Section
  ) {
    let patterns = lines.filter { $0.key == "pattern" || $0.key == "patterns" }.flatMap(\.arguments)
    let left = boxes["left"].flatMap { $0.isEmpty ? nil : $0 }
    let right = boxes["right"].flatMap { $0.isEmpty ? nil : $0 }
    guard patterns.isEmpty else {
      pair.set("mailboxes", list: patterns)
      if left != nil || right != nil {
        result.remark(
          head.number,
          "mailboxes below '\(left ?? right ?? "")' only: set 'prefix' of that endpoint to it",
          in: &pair)
      }
      return
    }
    let near = left ?? "INBOX"
    let far = right ?? "INBOX"
    pair.set("mailboxes", list: [near])
    if near != far {
      let words = [near, far].map { $0.contains(" ") ? "\"\($0)\"" : $0 }
      pair.set("map", words.joined(separator: "="))
    }
  }

  private mutating func translate(
    _ line: MbsyncFile.Line, _ pair: inout MovedConfiguration.Section
  ) {
    switch line.key {
    case "far", "near", "master", "slave", "pattern", "patterns", "syncstate", "copyarrivaldate",
      "fielddelimiter", "bufferlimit", "fsync", "infodelimiter":
      // Where it is kept, and that received dates are copied, is no question here.
      break
    case "create", "remove", "expunge":
      pair.set(line.key == "remove" ? "delete" : line.key, Self.place(line.arguments))
    case "maxsize":
      guard line.value != "0" else { break }
      pair.set("max-size", line.value.lowercased().filter { $0 != "b" })
      result.remark(line.number, Self.placeholders, in: &pair)
    case "maxmessages", "expireunread", "expireside":
      result.remark(
        line.number,
        "'\(line.shownKey)' counts messages, which can't be: 'since = 90d' leaves older ones where they are",
        in: &pair)
    case "expungesolo":
      result.remark(line.number, "'\(line.shownKey)' has no counterpart: see 'expunge'", in: &pair)
    case "sync": translate(sync: line, &pair)
    default:
      result.remark(line.number, "'\(line.shownKey)' is not translated", in: &pair)
    }
  }

  private static let placeholders =
    "placeholders of larger messages would be taken for mail: remove them before the first sync (docs/moving.md)"

  private mutating func translate(
    sync line: MbsyncFile.Line, _ pair: inout MovedConfiguration.Section
  ) {
    let words = line.arguments.map { $0.lowercased() }
    if words.isEmpty || words == ["all"] || words == ["full"] { return }
    let advice =
      switch words {
      case ["pull"]: "run 'mboxsync --pull \(pair.name)'"
      case ["push"]: "run 'mboxsync --push \(pair.name)'"
      case ["none"]: "leave the pair out"
      default: "see '--pull', '--push' and '--only' in mboxsync(1)"
      }
    result.remark(
      line.number,
      "'\(line.shownKey) \(line.arguments.joined(separator: " "))' is no setting, but said at each run: \(advice)",
      in: &pair)
  }

  private static func place(_ words: [String]) -> String {
    let places = Set(words.map { $0.lowercased() })
    let near = places.contains("near") || places.contains("slave")
    let far = places.contains("far") || places.contains("master")
    if places.contains("both") || near && far { return "both" }
    return near ? "left" : far ? "right" : "none"
  }

  // MARK: Stores and accounts

  private mutating func endpoint(_ name: String, _ number: Int) throws(MovingError) {
    let shown = MovedConfiguration.name(name)
    guard !result.contains("endpoint", shown) else { return }
    guard let store = stores[name], let head = store.first else {
      throw MovingError(line: number, message: "there is no store '\(name)'")
    }
    var endpoint = MovedConfiguration.Section("endpoint", shown)
    if head.key == "maildirstore" {
      translate(maildir: Array(store.dropFirst()), head, &endpoint)
    } else {
      try translate(imap: Array(store.dropFirst()), head, &endpoint)
    }
    result.append(endpoint)
  }

  private mutating func translate(
    maildir lines: MbsyncFile.Section, _ head: MbsyncFile.Line,
    _ endpoint: inout MovedConfiguration.Section
  ) {
    func value(_ key: String) -> String? { lines.last { $0.key == key }?.value }
    let subfolders = value("subfolders")?.lowercased()
    let inbox = Self.directory(value("inbox") ?? "~/Maildir")
    let path = Self.directory(value("path") ?? "")
    if subfolders == "maildir++" || path.isEmpty {
      endpoint.set("url", "maildir:\(inbox)")
      if subfolders == "maildir++" { endpoint.set("layout", "maildir++") }
    } else {
      endpoint.set("url", "maildir:\(path)")
      endpoint.set("layout", "fs")
      let isInside = inbox == path || inbox.lowercased() == "\(path)/INBOX".lowercased()
      if !isInside {
        result.remark(
          head.number,
          "INBOX lies in \(inbox), where it can't be with nested folders: move that directory to \(path)/INBOX",
          in: &endpoint)
      }
    }
    for line in lines {
      switch line.key {
      case "path", "inbox", "altmap", "infodelimiter": break
      case "subfolders":
        if subfolders == "legacy" {
          result.remark(
            line.number,
            "folders below others lie in 'A/.B': rename them to 'A/B' before the first sync",
            in: &endpoint)
        }
      case "flatten":
        result.remark(
          line.number,
          "'\(line.shownKey) \(line.value)': rename folders 'A\(line.value)B' to 'A/B' before the first sync",
          in: &endpoint)
      default: remark(store: line, &endpoint)
      }
    }
  }

  private mutating func translate(
    imap lines: MbsyncFile.Section, _ head: MbsyncFile.Line,
    _ endpoint: inout MovedConfiguration.Section
  ) throws(MovingError) {
    var all = lines
    if let account = lines.first(where: { $0.key == "account" }) {
      guard let section = accounts[account.value] else {
        throw MovingError(
          line: account.number, message: "there is no IMAPAccount '\(account.value)'")
      }
      all = section.dropFirst() + lines
    }
    let server = MbsyncServer(all)
    guard let url = server.url else {
      throw MovingError(line: head.number, message: "\(head.value) has no Host and no Tunnel")
    }
    endpoint.set("url", url)
    if server.isInTheClear { endpoint.set("tls", "none") }
    for line in all { translate(imap: line, &endpoint) }
  }

  private mutating func translate(
    imap line: MbsyncFile.Line, _ endpoint: inout MovedConfiguration.Section
  ) {
    switch line.key {
    case "account", "host", "port", "tunnel", "ssltype", "tlstype", "useimaps", "requiressl",
      "pipelinedepth", "pathdelimiter", "usenamespace":
      break
    case "user": endpoint.set("user", line.value)
    case "passcmd":
      endpoint.set(
        "password-command", line.value.hasPrefix("+") ? String(line.value.dropFirst()) : line.value)
    case "pass":
      result.remark(
        line.number,
        "the password is not copied: put it into a file of mode 0600 and name that in 'password-file'",
        in: &endpoint)
    case "authmechs", "authmech": translate(mechanisms: line, &endpoint)
    case "certificatefile":
      endpoint.set("tls-ca-file", line.value)
    case "clientcertificate": endpoint.set("tls-client-cert", line.value)
    case "clientkey": endpoint.set("tls-client-key", line.value)
    case "timeout":
      // There it means never.
      if line.value != "0" { endpoint.set("timeout", line.value) }
    case "disableextension", "disableextensions":
      endpoint.set("disable-capabilities", list: line.arguments.map { $0.uppercased() })
    case "tlsversions", "sslversions", "sslversion":
      let words = line.arguments.map { $0.lowercased() }
      if words == ["tlsv1.3"] || words == ["1.3"] { endpoint.set("tls-min", "1.3") }
    case "path":
      let prefix =
        line.value.last.map { "./".contains($0) } == true
        ? String(line.value.dropLast()) : line.value
      if prefix.isEmpty { return }
      endpoint.set("prefix", prefix)
      if prefix.uppercased() != "INBOX" {
        result.remark(
          line.number,
          "INBOX lies outside of '\(prefix)', and so is left alone: make a pair of it, with an endpoint without 'prefix'",
          in: &endpoint)
      }
    default: remark(store: line, &endpoint)
    }
  }

  private mutating func translate(
    mechanisms line: MbsyncFile.Line, _ endpoint: inout MovedConfiguration.Section
  ) {
    let known = [
      "scram-sha-256", "scram-sha-1", "plain", "login", "cram-md5", "xoauth2", "oauthbearer",
      "external",
    ]
    let words = line.arguments.map { $0.lowercased() }.filter { $0 != "*" }
    let fit = words.filter { known.contains($0) }
    if !fit.isEmpty { endpoint.set("auth", list: fit) }
    for word in words where !known.contains(word) {
      result.remark(line.number, "the mechanism \(word.uppercased()) is not known", in: &endpoint)
    }
  }

  private mutating func remark(
    store line: MbsyncFile.Line, _ endpoint: inout MovedConfiguration.Section
  ) {
    let advice =
      switch line.key {
      case "maxsize": "set 'max-size' of the pair; \(Self.placeholders)"
      case "flatten": "names are nested on both sides; see 'map'"
      case "mapinbox": "see 'map'"
      case "trash", "trashnewonly", "trashremotenew":
        "nothing is moved to a trash before it is expunged"
      case "subscribedonly": "name the mailboxes in 'mailboxes' of the pair"
      case "usercmd": "name the user in 'user'"
      case "systemcertificates": "the system's authorities count unless 'tls-ca-file' is set"
      default: "it has no counterpart"
      }
    result.remark(line.number, "'\(line.shownKey)' is not translated: \(advice)", in: &endpoint)
  }

  private static func directory(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}

/// How the server is reached.
private struct MbsyncServer {
  let url: String?
  let isInTheClear: Bool

  init(_ lines: MbsyncFile.Section) {
    func value(_ key: String) -> String? { lines.last { $0.key == key }?.value }
    if let tunnel = value("tunnel") {
      url = "exec:\(tunnel)"
      isInTheClear = false
      return
    }
    let type = (value("tlstype") ?? value("ssltype"))?.lowercased()
    let port = value("port")
    let isImplicit =
      type == "imaps" || type == nil && (port == "993" || value("useimaps")?.lowercased() == "yes")
    isInTheClear = type == "none"
    let suffix = port.map { ":\($0)" } ?? ""
    url = value("host").map { host in
      let isAddress = host.contains(":") && !host.hasPrefix("[")
      return "\(isImplicit ? "imaps" : "imap")://\(isAddress ? "[\(host)]" : host)\(suffix)"
    }
  }
}
