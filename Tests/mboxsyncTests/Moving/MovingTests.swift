import SyncEngine
import Testing

@testable import mboxsync

/// Configurations of other programs, translated.
@Suite("Configurations of other programs") struct MovingTests {
  /// What is written has to be what can be read.
  private static func expectReadable(_ moved: MovedConfiguration) throws {
    let read = try configuration(moved.text)
    #expect(read.pairNames == moved.pairs)
    for name in moved.pairs {
      #expect(try read.pair(name, settings: [], currentDirectory: "/here") != nil)
    }
  }

  private static let mbsyncrc = """
    # what holds for all
    Create Near
    Expunge Both

    IMAPAccount work
    Host mail.example.org
    User "alice@example.org"   # with a comment
    PassCmd "+pass show \\"mail/work account\\""
    SSLType IMAPS
    AuthMechs LOGIN GSSAPI
    Timeout 20
    CertificateFile ~/.certs/ca.pem

    IMAPStore work-remote
    Account work
    Trash Trash

    MaildirStore work-local
    Path ~/Mail/work/
    Inbox ~/Mail/work/Inbox
    SubFolders Verbatim

    Channel work
    Far :work-remote:
    Near :work-local:
    Patterns * !Spam "!Old stuff/*"
    MaxSize 10m
    MaxMessages 500
    Sync Pull New
    CopyArrivalDate yes
    SyncState *

    Channel sent
    Master ":work-remote:Sent Items"
    Slave :work-local:Sent
    Create Both

    Group all work sent
    """

  @Test("mbsyncrc: what can be is translated")
  func mbsync() throws {
    let moved = try MbsyncTranslation.translate(Array(Self.mbsyncrc.utf8), path: "mbsyncrc")
    let expected = """
      [endpoint work-remote]
      url = imaps://mail.example.org
      user = alice@example.org
      password-command = "pass show \\"mail/work account\\""
      auth = login
      timeout = 20
      tls-ca-file = ~/.certs/ca.pem
      # the mechanism GSSAPI is not known
      # 'Trash' is not translated: nothing is moved to a trash before it is expunged

      [endpoint work-local]
      url = maildir:~/Mail/work
      layout = fs

      [pair work]
      right = work-remote
      left = work-local
      mailboxes = "* !Spam \\"!Old stuff/*\\""
      max-size = 10m
      create = left
      expunge = both
      # placeholders of larger messages would be taken for mail: remove them before the first sync (docs/moving.md)
      # 'MaxMessages' counts messages, which can't be: 'since = 90d' leaves older ones where they are
      # 'Sync Pull New' is no setting, but said at each run: see '--pull', '--push' and '--only' in mboxsync(1)

      [pair sent]
      right = work-remote
      left = work-local
      mailboxes = Sent
      map = "Sent=\\"Sent Items\\""
      create = both
      expunge = both

      """
    #expect(moved.text.contains(expected), "\(moved.text)")
    #expect(moved.pairs == ["work", "sent"])
    #expect(
      moved.remarks == [
        "mbsyncrc:38: there are no groups: name the pairs, as in 'mboxsync work sent'",
        "mbsyncrc:10: the mechanism GSSAPI is not known",
        "mbsyncrc:16: 'Trash' is not translated: nothing is moved to a trash before it is expunged",
        "mbsyncrc:27: placeholders of larger messages would be taken for mail: remove them before the first sync (docs/moving.md)",
        "mbsyncrc:28: 'MaxMessages' counts messages, which can't be: 'since = 90d' leaves older ones where they are",
        "mbsyncrc:29: 'Sync Pull New' is no setting, but said at each run: see '--pull', '--push' and '--only' in mboxsync(1)",
      ])
    try Self.expectReadable(moved)
  }

  @Test(
    "mbsyncrc: how a server is reached",
    arguments: [
      ("Host h\nSSLType None", "url = imap://h\ntls = none\n"),
      ("Host h\nTLSType STARTTLS\nPort 1143", "url = imap://h:1143\n"),
      ("Host h\nPort 993", "url = imaps://h:993\n"), ("Host h", "url = imap://h\n"),
      ("Host ::1\nTLSType IMAPS", "url = imaps://[::1]\n"),
      ("Tunnel \"ssh -q h imapd\"", "url = \"exec:ssh -q h imapd\"\n"),
      ("Host h\nPath INBOX.", "url = imap://h\nprefix = INBOX\n"),
      ("Host h\nTLSVersions +1.3 -1.2", "url = imap://h\n"),
    ])
  func servers(lines: String, expected: String) throws {
    let text = """
      IMAPStore far
      \(lines)

      MaildirStore near
      Path /m/
      Inbox /m/INBOX

      Channel c
      Far :far:
      Near :near:
      """
    let moved = try MbsyncTranslation.translate(Array(text.utf8), path: "rc")
    #expect(moved.text.contains("[endpoint far]\n\(expected)"), "\(moved.text)")
    try Self.expectReadable(moved)
  }

  @Test(
    "mbsyncrc: how a Maildir lies",
    arguments: [
      ("Path /m/\nInbox /m/INBOX\nSubFolders Verbatim", "maildir:/m\nlayout = fs\n", 0),
      ("Path /m/\nInbox /m\nSubFolders Verbatim", "maildir:/m\nlayout = fs\n", 0),
      ("Path /m/\nInbox /i\nSubFolders Verbatim", "maildir:/m\nlayout = fs\n", 1),
      ("Inbox /i/\nSubFolders Maildir++", "maildir:/i\nlayout = maildir++\n", 0),
      ("Path /m/\nInbox /m/INBOX\nSubFolders Legacy", "maildir:/m\nlayout = fs\n", 1),
      ("Path /m/\nInbox /m/INBOX\nFlatten .", "maildir:/m\nlayout = fs\n", 1),
      ("", "maildir:~/Maildir\n", 0),
    ])
  func maildirs(lines: String, expected: String, remarks: Int) throws {
    let text =
      "MaildirStore near\n\(lines)\n\nIMAPStore far\nHost h\n\nChannel c\nFar :far:\nNear :near:\n"
    let moved = try MbsyncTranslation.translate(Array(text.utf8), path: "rc")
    #expect(moved.text.contains("[endpoint near]\nurl = \(expected)"), "\(moved.text)")
    #expect(moved.remarks.count == remarks)
    try Self.expectReadable(moved)
  }

  private static let offlineimaprc = """
    [general]
    accounts = work, home
    pythonfile = ~/.offlineimap.py
    maxsyncaccounts = 2

    [Account work]
    localrepository: work-local
    remoterepository: work-remote
    maxage = 90
    maxsize = 2000000
    postsynchook = notmuch new
    autorefresh = 5

    [Repository work-local]
    type = Maildir
    localfolders = ~/Mail/work
    nametrans = lambda folder:
       folder.lower()

    [Repository work-remote]
    type = IMAP
    remotehost = mail.example.org
    remoteuser = alice
    remotepasseval = get_pass("work")
    ssl = yes
    sslcacertfile = OS-DEFAULT
    cert_fingerprint = 0123456789abcdef0123456789abcdef01234567
    maxconnections = 2
    createfolders = False

    [Account home]
    localrepository = home-local
    remoterepository = gmail

    [Repository home-local]
    type = Maildir
    localfolders = ~/Mail/home
    sep = /

    [Repository gmail]
    type = Gmail
    remoteuser = me@gmail.com
    remotepassfile = ~/.secret
    """

  @Test("offlineimaprc: what can be is translated")
  func offlineIMAP() throws {
    let moved = try OfflineIMAPTranslation.translate(
      Array(Self.offlineimaprc.utf8), path: "offlineimaprc")
    let expected = """
      [endpoint work-local]
      url = maildir:~/Mail/work
      layout = fs
      # its folders are flat, with '.' between levels: nest them before the first sync (docs/moving.md)

      [endpoint work-remote]
      url = imaps://mail.example.org
      user = alice
      connections = 2
      # 'remotepasseval' is Python: name a command that prints the password in 'password-command'
      # 'cert_fingerprint' is not SHA-256: 'mboxsync check' shows the one to set in 'tls-fingerprint'

      [pair work]
      left = work-local
      right = work-remote
      create = none
      since = 90d
      max-size = 2000000
      after = "notmuch new"
      # 'nametrans' is Python: names are the same on both sides but for 'map', 'prefix' and special uses; 'create = none' until that is set
      # 'autorefresh' has no counterpart: use a timer, as contrib/systemd shows

      [endpoint home-local]
      url = maildir:~/Mail/home
      layout = fs

      [endpoint gmail]
      url = imaps://imap.gmail.com
      user = me@gmail.com
      password-file = ~/.secret

      [pair home]
      left = home-local
      right = gmail
      mailboxes = "* \\"![Gmail]/All Mail\\""

      """
    #expect(moved.text.contains(expected), "\(moved.text)")
    #expect(moved.remarks.first == "offlineimaprc:3: 'pythonfile' is not translated")
    #expect(moved.remarks.count == 6)
    #expect(moved.pairs == ["work", "home"])
    try Self.expectReadable(moved)
  }

  @Test(
    "mbsyncrc: of a group the pairs are named, and the mailboxes that it picks",
    arguments: [
      ("a b", "'mboxsync a b'"),
      ("a b:x,y", "'mboxsync a b'; for 'b:x,y' run 'mboxsync -m x -m y b'"),
      ("b:x b:y", "'mboxsync b'; for 'b:x' run 'mboxsync -m x b'; for 'b:y' run 'mboxsync -m y b'"),
      ("a\nChannels b", "'mboxsync a b'"),
    ])
  func mbsyncGroups(members: String, advice: String) throws {
    let channel = "Far :far:\nNear :near:\n\n"
    let text =
      "IMAPStore far\nHost h\n\nMaildirStore near\n\nChannel a\n\(channel)Channel b\n\(channel)"
      + "Group g \(members)\n"
    let moved = try MbsyncTranslation.translate(Array(text.utf8), path: "rc")
    #expect(moved.remarks == ["rc:14: there are no groups: name the pairs, as in \(advice)"])
  }

  @Test("offlineimaprc: a tunnel is what is used, whatever the type", arguments: ["IMAP", "Gmail"])
  func offlineIMAPTunnel(type: String) throws {
    let text = """
      [general]
      accounts = a
      [Account a]
      localrepository = l
      remoterepository = r
      [Repository l]
      type = Maildir
      localfolders = /m
      sep = /
      [Repository r]
      type = \(type)
      preauthtunnel = ssh -q h imapd
      """
    let moved = try OfflineIMAPTranslation.translate(Array(text.utf8), path: "rc")
    #expect(moved.text.contains("url = \"exec:ssh -q h imapd\"\n"), "\(moved.text)")
    #expect(moved.remarks.isEmpty)
    #expect(moved.text.contains("All Mail") == (type == "Gmail"))
    try Self.expectReadable(moved)
  }

  @Test("mbsyncrc: what holds for all needs no empty line after it")
  func mbsyncDefaults() throws {
    let text =
      "SyncState *\nCreate Near\nIMAPStore far\nHost h\nPath Mail/\nTimeout 0\n\nMaildirStore near\n"
      + "Path /m/\nInbox /m/INBOX\nSubFolders Verbatim\n\nExpunge Far\nChannel c\nFar :far:\nNear :near:\n"
      + "Patterns *\n"
    let moved = try MbsyncTranslation.translate(Array(text.utf8), path: "rc")
    #expect(moved.text.contains("mailboxes = *\ncreate = left\nexpunge = right\n"), "\(moved.text)")
    // With `prefix` the INBOX would be left alone, and nobody told.
    #expect(moved.text.contains("prefix = Mail\n# INBOX lies outside of 'Mail'"), "\(moved.text)")
    #expect(!moved.text.contains("timeout"))
    #expect(moved.remarks.count == 1)
    try Self.expectReadable(moved)
  }

  @Test("offlineimaprc: keys that name each other, again and again, don't fill memory")
  func offlineIMAPCycle() throws {
    let twice = String(repeating: "%(b)s%(c)s", count: 50)
    let text = "[s]\na = \(twice)\nb = \(twice)\nc = %(a)s\n"
    let file = try OfflineIMAPFile(Array(text.utf8))
    let values = file.sections.flatMap(\.entries).map(\.value)
    #expect(values.count == 3 && values.allSatisfy { $0.utf8.count < 100_000 })
  }

  @Test("offlineimaprc: what Python's configparser makes of values, and what is Python itself")
  func offlineIMAPValues() throws {
    let text = """
      [DEFAULT]
      sep = /
      root = $HOME/Mail
      [general]
      accounts = a
      [Account a]
      localrepository = l
      remoterepository = r
      utf8foldernames = yes
      presynchook = check 100%%
      [Repository l]
      type = Maildir
      localfolders = %(root)s/a
      [Repository r]
      type = IMAP
      remotehosteval = get_host()
      remoteusereval = get_user()
      sslcacertfile = ${HOME}/ca.pem
      oauth2_client_id = x
      oauth2_client_secret = y
      oauth2_refresh_token = z
      """
    let moved = try OfflineIMAPTranslation.translate(Array(text.utf8), path: "rc")
    let expected = """
      [endpoint l]
      url = maildir:~/Mail/a
      layout = fs

      [endpoint r]
      url = imaps://mail.example.org
      auth = xoauth2
      tls-ca-file = ~/ca.pem
      # 'remotehosteval' is Python: put the server's name into 'url'
      # 'remoteusereval' is Python: name the user in 'user'
      # its OAuth2 tokens are got by a helper: name it in 'password-command' (contrib/oauth2)

      [pair a]
      left = l
      right = r
      before = "check 100%"
      # 'utf8foldernames': folders whose names are not ASCII have to be renamed before the first sync (docs/moving.md)

      """
    #expect(moved.text.contains(expected), "\(moved.text)")
    try Self.expectReadable(moved)
  }

  @Test(
    "what is none of such files is refused, with the line",
    arguments: [
      ("Channel c\nFar :a:\n", 1, "lacks Far or Near"),
      ("Channel c\nFar :a:\nNear :b:\n", 2, "no store 'a'"),
      ("IMAPAccount \"open\n", 1, "not closed"), ("# nothing\n", 1, "no Channel"),
      ("IMAPStore a\nAccount x\n\nChannel c\nFar :a:\nNear :a:\n", 2, "no IMAPAccount 'x'"),
    ])
  func badMbsyncrc(text: String, line: Int, message: String) {
    let error = #expect(throws: MovingError.self) {
      try MbsyncTranslation.translate(Array(text.utf8), path: "rc")
    }
    #expect(error?.line == line && error?.message.contains(message) == true)
  }

  @Test(
    "the same of OfflineIMAP's",
    arguments: [
      ("[general]\nui = x\n", 1, "names no accounts"), ("x\n", 1, "no section"),
      ("[general]\naccounts = a\n", 1, "no [Account a]"), ("[general\n", 1, "']'"),
      ("[general]\naccounts = a\n[Account a]\n", 3, "no localrepository"),
      (
        "[general]\naccounts = a\n[Account a]\nremoterepository = r\nlocalrepository = missing\n",
        5,
        "there is no [Repository missing]"
      ),
      (
        "[general]\naccounts=a\n[Account a]\nlocalrepository=l\nremoterepository=l\n[Repository l]\ntype=X\n",
        6, "type 'X'"
      ),
      (
        "[general]\naccounts=a\n[Account a]\nlocalrepository=l\nremoterepository=l\n[Repository l]\ntype=Maildir\nlocalfolders=$MAIL/x\n",
        8, "'$MAIL/x'"
      ),
    ])
  func badOfflineimaprc(text: String, line: Int, message: String) {
    let error = #expect(throws: MovingError.self) {
      try OfflineIMAPTranslation.translate(Array(text.utf8), path: "rc")
    }
    #expect(error?.line == line && error?.message.contains(message) == true)
  }

  @Test("a name that can't be a section's becomes one that can")
  func names() {
    #expect(MovedConfiguration.name("my mail:box/x") == "my-mail-box-x")
    #expect(MovedConfiguration.name("-x") == "x-x" && MovedConfiguration.name("") == "x")
  }

  @Test("lines that end as those of Windows do are lines", arguments: [false, true])
  func windowsLines(isMbsync: Bool) throws {
    let text = isMbsync ? MovingTests.mbsyncrc : MovingTests.offlineimaprc
    let program: ForeignProgram = isMbsync ? .mbsync : .offlineIMAP
    var lines: [UInt8] = []
    for byte in text.utf8 { lines += byte == 0x0a ? [0x0d, 0x0a] : [byte] }
    let moved = try program.translate(lines, path: "rc")
    #expect(moved.text == (try program.translate(Array(text.utf8), path: "rc")).text)
    #expect(!moved.text.utf8.contains(0x0d))
  }
}
