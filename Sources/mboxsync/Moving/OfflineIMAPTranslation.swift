/// Translates the configuration of OfflineIMAP. What is Python in it is not understood.
struct OfflineIMAPTranslation {
  private let file: OfflineIMAPFile
  private var result: MovedConfiguration

  /// - Parameter path: for messages.
  static func translate(_ bytes: [UInt8], path: String) throws(MovingError) -> MovedConfiguration {
    var translation = OfflineIMAPTranslation(
      file: try OfflineIMAPFile(bytes), result: MovedConfiguration(path: path))
    try translation.run()
    return translation.result
  }

  private mutating func run() throws(MovingError) {
    guard let general = file.section("general"), let accounts = general["accounts"] else {
      throw MovingError(line: 1, message: "[general] names no accounts")
    }
    let quiet: Set = [
      "accounts", "metadata", "maxsyncaccounts", "ui", "ignore-readonly", "maxconnections",
      "socktimeout", "fsync",
    ]
    for entry in general.entries where !quiet.contains(entry.key) && !entry.isDefault {
      result.remark(entry.number, "'\(entry.key)' is not translated")
    }
    for name in accounts.split(separator: ",").map(OfflineIMAPFile.trimmed) where !name.isEmpty {
      guard let account = file.section("Account", name) else {
        throw MovingError(line: general.number, message: "there is no [Account \(name)]")
      }
      try translate(account, name)
    }
    if let names = file.section("mbnames"), names["enabled"]?.lowercased() != "no" {
      result.remark(names.number, "[mbnames] has no counterpart: a list can be made by 'after'")
    }
  }

  // MARK: Accounts

  private mutating func translate(
    _ account: OfflineIMAPFile.Section, _ name: String
  ) throws(MovingError) {
    var pair = MovedConfiguration.Section("pair", MovedConfiguration.name(name))
    for (key, side) in [("localrepository", "left"), ("remoterepository", "right")] {
      guard let repository = account.entry(key) else {
        throw MovingError(line: account.number, message: "[Account \(name)] has no \(key)")
      }
      guard let section = file.section("Repository", repository.value) else {
        throw MovingError(
          line: repository.number, message: "there is no [Repository \(repository.value)]")
      }
      let endpoint = MovedConfiguration.name(repository.value)
      pair.set(side, endpoint)
      try translate(section, endpoint, side: side, &pair)
    }
    for entry in account.entries { translate(entry, &pair) }
    result.append(pair)
  }

  private mutating func translate(
    _ entry: OfflineIMAPFile.Entry, _ pair: inout MovedConfiguration.Section
  ) {
    switch entry.key {
    case "localrepository", "remoterepository", "quick", "status_backend", "synclabels",
      "labelsheader":
      break
    case "maxsize": pair.set("max-size", entry.value)
    case "maxage", "startdate":
      let isDays = entry.value.allSatisfy(\.isNumber)
      pair.set("since", isDays ? "\(entry.value)d" : entry.value)
    case "presynchook": pair.set("before", entry.value)
    case "postsynchook": pair.set("after", entry.value)
    case "autorefresh":
      result.remark(
        entry.number, "'autorefresh' has no counterpart: use a timer, as contrib/systemd shows",
        in: &pair)
    case "utf8foldernames":
      guard !OfflineIMAPTranslation.isOff(entry.value) else { return }
      result.remark(entry.number, OfflineIMAPTranslation.renames(entry.key), in: &pair)
    default:
      guard !entry.isDefault else { return }
      result.remark(entry.number, "'\(entry.key)' is not translated", in: &pair)
    }
  }

  /// Its directories then have the names in UTF-8, and not as a server writes them.
  private static func renames(_ key: String) -> String {
    "'\(key)': folders whose names are not ASCII have to be renamed before the first sync (docs/moving.md)"
  }

  // MARK: Repositories

  private mutating func translate(
    _ section: OfflineIMAPFile.Section, _ name: String, side: String,
    _ pair: inout MovedConfiguration.Section
  ) throws(MovingError) {
    var endpoint = MovedConfiguration.Section("endpoint", name)
    let isKnown = result.contains("endpoint", name)
    let type = section["type"] ?? ""
    switch type {
    case "Maildir", "GmailMaildir": try translate(maildir: section, &endpoint)
    case "IMAP", "Gmail": try translate(imap: section, isGmail: type == "Gmail", &endpoint, &pair)
    default:
      throw MovingError(line: section.number, message: "the type '\(type)' is not known")
    }
    for entry in section.entries where OfflineIMAPTranslation.ofPair.contains(entry.key) {
      translate(entry, side: side, &pair)
    }
    if !isKnown { result.append(endpoint) }
  }

  /// What OfflineIMAP says of a repository and here belongs to the pair.
  private static let ofPair: Set = [
    "nametrans", "folderfilter", "folderincludes", "foldersort", "readonly", "createfolders",
    "sync_deletes", "expunge", "dynamic_folderfilter",
  ]

  private mutating func translate(
    _ entry: OfflineIMAPFile.Entry, side: String, _ pair: inout MovedConfiguration.Section
  ) {
    let isOff = ["no", "false", "0", "off"].contains(entry.value.lowercased())
    switch entry.key {
    case "createfolders":
      guard isOff else { return }
      let other = side == "left" ? "right" : "left"
      pair.set("create", pair.has("create") ? "none" : other)
    case "expunge":
      if !isOff {
        result.remark(
          entry.number,
          "'expunge = both' would expunge what is marked \\Deleted, as OfflineIMAP does", in: &pair)
      }
    case "readonly":
      if !isOff {
        let option = side == "left" ? "--push" : "--pull"
        result.remark(
          entry.number, "'readonly' is said at each run: 'mboxsync \(option) \(pair.name)'",
          in: &pair)
      }
    case "sync_deletes":
      if isOff {
        result.remark(
          entry.number,
          "'sync_deletes = no' is said at each run: 'mboxsync --only new,flags,mailboxes \(pair.name)'",
          in: &pair)
      }
    case "folderfilter", "folderincludes", "dynamic_folderfilter":
      result.remark(
        entry.number,
        "'\(entry.key)' is Python: name the mailboxes in 'mailboxes', as in '* !Spam'", in: &pair)
    case "nametrans":
      // Or the first sync would make every mailbox of the one side on the other, under its name there.
      pair.set("create", "none")
      result.remark(
        entry.number,
        "'nametrans' is Python: names are the same on both sides but for 'map', 'prefix' and special uses; 'create = none' until that is set",
        in: &pair)
    default: break
    }
  }

  private mutating func translate(
    maildir section: OfflineIMAPFile.Section, _ endpoint: inout MovedConfiguration.Section
  ) throws(MovingError) {
    guard let folders = section.entry("localfolders") else {
      throw MovingError(line: section.number, message: "[\(section.name)] has no localfolders")
    }
    endpoint.set("url", "maildir:\(try OfflineIMAPTranslation.path(folders))")
    endpoint.set("layout", "fs")
    let separator = section["sep"] ?? "."
    if separator != "/" {
      result.remark(
        section.number,
        "its folders are flat, with '\(separator)' between levels: nest them before the first sync (docs/moving.md)",
        in: &endpoint)
    }
    let known: Set = [
      "type", "localfolders", "sep", "restoreatime", "startdate", "filename_use_mail_timestamp",
      "utime_from_header", "usecompression",
    ]
    remark(section, known, &endpoint)
  }

  private mutating func translate(
    imap section: OfflineIMAPFile.Section, isGmail: Bool,
    _ endpoint: inout MovedConfiguration.Section,
    _ pair: inout MovedConfiguration.Section
  ) throws(MovingError) {
    if isGmail { pair.set("mailboxes", list: ["*", "![Gmail]/All Mail"]) }
    if let tunnel = section["preauthtunnel"] {
      endpoint.set("url", "exec:\(tunnel)")
    } else if isGmail {
      endpoint.set("url", "imaps://imap.gmail.com")
    } else if let host = section["remotehost"] {
      let isTLS = !OfflineIMAPTranslation.isOff(section["ssl"])
      let port = section["remoteport"].map { ":\($0)" } ?? ""
      endpoint.set("url", "\(isTLS ? "imaps" : "imap")://\(host)\(port)")
      if !isTLS, OfflineIMAPTranslation.isOff(section["starttls"]) { endpoint.set("tls", "none") }
    } else if section["remotehosteval"] != nil {
      endpoint.set("url", "imaps://mail.example.org")
    } else {
      throw MovingError(line: section.number, message: "[\(section.name)] has no remotehost")
    }
    let tokens = section.entries.first { $0.key.hasPrefix("oauth2_") }
    if tokens != nil, section["auth_mechanisms"] == nil { endpoint.set("auth", "xoauth2") }
    for entry in section.entries { try translate(imap: entry, &endpoint) }
    if let tokens {
      result.remark(
        tokens.number,
        "its OAuth2 tokens are got by a helper: name it in 'password-command' (contrib/oauth2)",
        in: &endpoint)
    }
    let known: Set = [
      "type", "remotehost", "remotehosteval", "remoteport", "remoteuser", "remoteusereval",
      "remotepass", "remotepassfile", "remotepasseval",
      "ssl", "starttls", "sslcacertfile", "cert_fingerprint", "sslclientcert", "sslclientkey",
      "preauthtunnel", "maxconnections", "auth_mechanisms", "reference", "idlefolders", "keepalive",
      "holdconnectionopen", "ssl_version", "tls_level", "usecompression", "decodefoldernames",
      "subscribedonly", "singlethreadperfolder",
    ]
    let oauth2 = section.entries.map(\.key).filter { $0.hasPrefix("oauth2_") }
    remark(section, known.union(oauth2), &endpoint)
  }

  /// OfflineIMAP puts environment variables into paths.
  private static func path(_ entry: OfflineIMAPFile.Entry) throws(MovingError) -> String {
    for home in ["$HOME", "${HOME}"] where entry.value.hasPrefix(home) {
      let rest = entry.value.dropFirst(home.count)
      if rest.isEmpty || rest.hasPrefix("/") && !rest.contains("$") { return "~" + rest }
    }
    guard !entry.value.contains("$") else {
      throw MovingError(
        line: entry.number,
        message: "the variable in '\(entry.value)' is not known here: write out what it stands for")
    }
    return entry.value
  }

  private static func isOff(_ value: String?) -> Bool {
    value.map { ["no", "false", "0", "off"].contains($0.lowercased()) } ?? false
  }

  private mutating func translate(
    imap entry: OfflineIMAPFile.Entry, _ endpoint: inout MovedConfiguration.Section
  ) throws(MovingError) {
    switch entry.key {
    case "remoteuser": endpoint.set("user", entry.value)
    case "remotepassfile": endpoint.set("password-file", entry.value)
    case "remotepass":
      result.remark(
        entry.number,
        "the password is not copied: put it into a file of mode 0600 and name that in 'password-file'",
        in: &endpoint)
    case "remotepasseval":
      result.remark(
        entry.number,
        "'remotepasseval' is Python: name a command that prints the password in 'password-command'",
        in: &endpoint)
    case "remotehosteval":
      result.remark(
        entry.number, "'remotehosteval' is Python: put the server's name into 'url'", in: &endpoint)
    case "remoteusereval":
      result.remark(
        entry.number, "'remoteusereval' is Python: name the user in 'user'", in: &endpoint)
    case "decodefoldernames":
      guard !OfflineIMAPTranslation.isOff(entry.value) else { return }
      result.remark(entry.number, OfflineIMAPTranslation.renames(entry.key), in: &endpoint)
    case "sslcacertfile":
      if !entry.value.uppercased().contains("DEFAULT") {
        endpoint.set("tls-ca-file", try OfflineIMAPTranslation.path(entry))
      }
    case "cert_fingerprint": translate(fingerprint: entry, &endpoint)
    case "sslclientcert":
      endpoint.set("tls-client-cert", try OfflineIMAPTranslation.path(entry))
    case "sslclientkey":
      endpoint.set("tls-client-key", try OfflineIMAPTranslation.path(entry))
    case "maxconnections": endpoint.set("connections", entry.value)
    case "reference": if !entry.value.isEmpty { endpoint.set("prefix", entry.value) }
    case "auth_mechanisms":
      let known = ["plain", "login", "cram-md5", "xoauth2"]
      let words = entry.value.split { $0 == "," || $0 == " " }.map { $0.lowercased() }
      let fit = words.filter { known.contains($0) }
      if !fit.isEmpty { endpoint.set("auth", list: fit) }
      for word in words where !known.contains(word) {
        result.remark(
          entry.number, "the mechanism \(word.uppercased()) is not known", in: &endpoint)
      }
    case "idlefolders", "holdconnectionopen", "keepalive":
      result.remark(
        entry.number, "'\(entry.key)' has no counterpart: there is no waiting for new mail",
        in: &endpoint)
    case "subscribedonly":
      if !OfflineIMAPTranslation.isOff(entry.value) {
        result.remark(
          entry.number, "'subscribedonly': name the mailboxes in 'mailboxes' of the pair",
          in: &endpoint)
      }
    default: break
    }
  }

  private mutating func translate(
    fingerprint entry: OfflineIMAPFile.Entry, _ endpoint: inout MovedConfiguration.Section
  ) {
    let prints = entry.value.split { $0 == "," || $0 == " " }.map(String.init)
    if let fit = prints.first(where: { (try? Fingerprints.parse($0)) != nil }) {
      endpoint.set("tls-fingerprint", fit)
    } else {
      result.remark(
        entry.number,
        "'cert_fingerprint' is not SHA-256: 'mboxsync check' shows the one to set in 'tls-fingerprint'",
        in: &endpoint)
    }
  }

  private mutating func remark(
    _ section: OfflineIMAPFile.Section, _ known: Set<String>,
    _ endpoint: inout MovedConfiguration.Section
  ) {
    let skipped = known.union(OfflineIMAPTranslation.ofPair)
    for entry in section.entries where !skipped.contains(entry.key) && !entry.isDefault {
      result.remark(entry.number, "'\(entry.key)' is not translated", in: &endpoint)
    }
  }
}
