import IMAPClient

/// The tables of a base, and every statement that is used on them.
enum Schema {
  /// `PRAGMA user_version`; to be raised when a table changes, with a step that converts.
  static let version: Int64 = 4
  /// `PRAGMA application_id`, in ASCII "mbxs": tells a base from any other SQLite database.
  static let applicationID: Int64 = 0x6d62_7873

  /// How many tables a base of a version has.
  static func tableCount(_ version: Int64) -> Int64 { version < 4 ? 6 : 7 }

  /// UIDs are not unique: a renumbering passes through states in which two rows share one.
  /// Ids are two integers of 64 bits, of which an index holds one: the first, because the second is the same
  /// in all ids that one process of a Dovecot has made.
  /// Sides are 0 (left) and 1 (right); a mailbox's name is its levels joined by U+001F, which no level holds.
  static let creation = """
    CREATE TABLE mailbox (
      id INTEGER PRIMARY KEY,
      left_name TEXT NOT NULL, right_name TEXT NOT NULL,
      left_id_high INTEGER, left_id_low INTEGER, right_id_high INTEGER, right_id_low INTEGER,
      left_validity INTEGER, left_next INTEGER, left_modseq INTEGER, left_messages INTEGER,
      left_cur INTEGER, left_new INTEGER, left_uidlist INTEGER, left_keywords INTEGER,
      right_validity INTEGER, right_next INTEGER, right_modseq INTEGER, right_messages INTEGER,
      right_cur INTEGER, right_new INTEGER, right_uidlist INTEGER, right_keywords INTEGER,
      mode TEXT, agreed_next INTEGER NOT NULL, subscribed INTEGER, selection TEXT NOT NULL,
      left_unproven TEXT, right_unproven TEXT);

    CREATE TABLE message (
      id INTEGER PRIMARY KEY,
      mailbox INTEGER NOT NULL, left_uid INTEGER NOT NULL, right_uid INTEGER NOT NULL,
      guid_high INTEGER NOT NULL, guid_low INTEGER NOT NULL,
      left_id_high INTEGER, left_id_low INTEGER, right_id_high INTEGER, right_id_low INTEGER,
      left_size INTEGER, left_digest_high INTEGER, left_digest_low INTEGER,
      right_size INTEGER, right_digest_high INTEGER, right_digest_low INTEGER,
      flags INTEGER NOT NULL, keywords TEXT,
      left_lacking INTEGER NOT NULL, left_lacking_keywords TEXT,
      right_lacking INTEGER NOT NULL, right_lacking_keywords TEXT,
      date INTEGER NOT NULL, stub INTEGER, right_date INTEGER);
    CREATE INDEX message_left_uid ON message (mailbox, left_uid);
    CREATE INDEX message_right_uid ON message (mailbox, right_uid);
    \(changedFlags)
    CREATE TABLE pending (
      mailbox INTEGER NOT NULL, side INTEGER NOT NULL, uid INTEGER NOT NULL,
      code TEXT, text TEXT NOT NULL,
      PRIMARY KEY (mailbox, side, uid)) WITHOUT ROWID;
    \(intents)
    CREATE TABLE value (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE counter (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// The flags of messages of which nothing else has changed since their rows were written. The rows are long, and
  /// lie in as many pages as messages are changed at a time; these lie side by side.
  private static let changedFlags = """
    CREATE TABLE changed_flags (
      message INTEGER PRIMARY KEY,
      flags INTEGER NOT NULL, keywords TEXT,
      left_lacking INTEGER NOT NULL, left_lacking_keywords TEXT,
      right_lacking INTEGER NOT NULL, right_lacking_keywords TEXT);
    """

  private static let intents = """
    CREATE TABLE intent (
      id INTEGER PRIMARY KEY,
      mailbox INTEGER NOT NULL, side INTEGER NOT NULL,
      size INTEGER NOT NULL, date INTEGER NOT NULL, next INTEGER NOT NULL, original INTEGER);
    CREATE INDEX intent_mailbox ON intent (mailbox, side);
    """

  /// What leads from each version to the next one.
  static let conversions: [Int64: String] = [
    // Other indexes; and no dates of intents: these count as not arrived until the side has settled.
    1: """
    ALTER TABLE message ADD COLUMN right_date INTEGER;
    \(lookupRemoval)
    \(lookups)
    DROP INDEX intent_mailbox;
    ALTER TABLE intent RENAME TO old_intent;
    \(intents)
    INSERT INTO intent (mailbox, side, size, date, next)
      SELECT mailbox, side, size, 0, next FROM old_intent ORDER BY id;
    DROP TABLE old_intent;
    """,
    2: """
    ALTER TABLE mailbox ADD COLUMN left_unproven TEXT;
    ALTER TABLE mailbox ADD COLUMN right_unproven TEXT;
    """,
    3: changedFlags,
  ]

  /// Find a message by what it is. Its values come in no order, so that filling these indexes row by row
  /// takes most of the time of an insertion.
  static let lookups = """
    CREATE INDEX message_left_id ON message (left_id_high) WHERE left_id_high IS NOT NULL;
    CREATE INDEX message_right_id ON message (right_id_high) WHERE right_id_high IS NOT NULL;
    CREATE INDEX message_left_content ON message (left_size, left_digest_low)
      WHERE left_size IS NOT NULL;
    CREATE INDEX message_right_content ON message (right_size, right_digest_low)
      WHERE right_size IS NOT NULL;
    """
  static let lookupRemoval = """
    DROP INDEX IF EXISTS message_left_id;
    DROP INDEX IF EXISTS message_right_id;
    DROP INDEX IF EXISTS message_left_content;
    DROP INDEX IF EXISTS message_right_content;
    """
}

/// Every statement, so that each is prepared once and found by number.
enum Query: Int, CaseIterable {
  case mailboxes
  case putMailbox
  case removeMailbox
  case removeMailboxChangedFlags
  case removeMailboxMessages
  case removeMailboxPending
  case removeMailboxIntents

  case messages
  case knownMessages
  case knownMessagesOfMost
  case unevenUIDs
  case unevenUIDsOfMost
  case idSpan
  case messagesByLeftUID
  case messagesByRightUID
  case leftUIDs
  case rightUIDs
  case messageCount
  case messageCountAtMost
  case stubCount
  case lastByLeftUID
  case lastByRightUID
  case messagesByLeftID
  case messagesByRightID
  case messagesByLeftContent
  case messagesByRightContent
  case anyOfLeftSize
  case anyOfRightSize
  case updateMessage
  case insertMessage
  case putLeftID
  case putRightID
  case putFlags
  case removeFlags
  case removeMessage

  case pending
  case putPending
  case removePending
  case intents
  case putIntent
  case clearIntents
  case value
  case setValue
  case counter
  case setCounter

  var sql: String {
    switch self {
    case .mailboxes: "SELECT * FROM mailbox ORDER BY id"
    case .putMailbox: "INSERT OR REPLACE INTO mailbox VALUES (\(Query.parameters(29)))"
    case .removeMailbox: "DELETE FROM mailbox WHERE id = ?"
    case .removeMailboxChangedFlags:
      "DELETE FROM changed_flags WHERE message IN (SELECT id FROM message WHERE mailbox = ?)"
    case .removeMailboxMessages: "DELETE FROM message WHERE mailbox = ?"
    case .removeMailboxPending: "DELETE FROM pending WHERE mailbox = ?"
    case .removeMailboxIntents: "DELETE FROM intent WHERE mailbox = ?"

    case .messages: "\(Query.wholeMessages) WHERE mailbox = ? ORDER BY left_uid, id"
    case .knownMessages:
      """
      SELECT \(Query.knownColumns) FROM message \(Query.withChangedFlags)
      WHERE mailbox = ? ORDER BY left_uid, id
      """
    case .knownMessagesOfMost:
      """
      SELECT \(Query.knownColumns) FROM message NOT INDEXED \(Query.withChangedFlags)
      WHERE mailbox = ? ORDER BY id
      """
    case .unevenUIDs:
      """
      SELECT left_uid FROM message \(Query.withChangedFlags)
      WHERE mailbox = ? AND \(Query.isUneven)
      """
    case .unevenUIDsOfMost:
      """
      SELECT left_uid FROM message NOT INDEXED \(Query.withChangedFlags)
      WHERE mailbox = ? AND \(Query.isUneven)
      """
    case .idSpan: "SELECT (SELECT max(id) FROM message) - (SELECT min(id) FROM message)"
    case .messagesByLeftUID:
      "\(Query.wholeMessages) WHERE mailbox = ? AND left_uid BETWEEN ? AND ? ORDER BY left_uid, id"
    case .messagesByRightUID:
      "\(Query.wholeMessages) WHERE mailbox = ? AND right_uid BETWEEN ? AND ?"
    case .leftUIDs: "SELECT left_uid FROM message WHERE mailbox = ? ORDER BY left_uid"
    case .rightUIDs: "SELECT right_uid FROM message WHERE mailbox = ? ORDER BY right_uid"
    case .stubCount: "SELECT count(*) FROM message WHERE stub IS NOT NULL"
    case .messageCount: "SELECT count(*) FROM message WHERE mailbox = ?"
    case .messageCountAtMost:
      "SELECT count(*) FROM (SELECT 1 FROM message WHERE mailbox = ? LIMIT ?)"
    case .lastByLeftUID:
      "\(Query.wholeMessages) WHERE mailbox = ? ORDER BY left_uid DESC, id DESC LIMIT ?"
    case .lastByRightUID:
      "\(Query.wholeMessages) WHERE mailbox = ? ORDER BY right_uid DESC, id DESC LIMIT ?"
    case .messagesByLeftID:
      "\(Query.wholeMessages) WHERE left_id_high = ? AND left_id_low = ? ORDER BY id"
    case .messagesByRightID:
      "\(Query.wholeMessages) WHERE right_id_high = ? AND right_id_low = ? ORDER BY id"
    case .messagesByLeftContent:
      """
      \(Query.wholeMessages)
      WHERE left_size = ? AND left_digest_high = ? AND left_digest_low = ? ORDER BY id
      """
    case .messagesByRightContent:
      """
      \(Query.wholeMessages)
      WHERE right_size = ? AND right_digest_high = ? AND right_digest_low = ? ORDER BY id
      """
    case .anyOfLeftSize: "SELECT 1 FROM message WHERE left_size = ? LIMIT 1"
    case .anyOfRightSize: "SELECT 1 FROM message WHERE right_size = ? LIMIT 1"
    case .updateMessage: "UPDATE message SET \(Query.messageAssignments) WHERE id = ?1"
    case .insertMessage: "INSERT INTO message VALUES (\(Query.parameters(25)))"
    case .putLeftID:
      "UPDATE message SET left_id_high = ?3, left_id_low = ?4 WHERE mailbox = ?1 AND left_uid = ?2"
    case .putRightID:
      "UPDATE message SET right_id_high = ?3, right_id_low = ?4 WHERE mailbox = ?1 AND right_uid = ?2"
    case .putFlags: "INSERT OR REPLACE INTO changed_flags VALUES (\(Query.parameters(7)))"
    case .removeFlags: "DELETE FROM changed_flags WHERE message = ?"
    case .removeMessage: "DELETE FROM message WHERE id = ?"

    case .pending: "SELECT * FROM pending ORDER BY mailbox, side, uid"
    case .putPending: "INSERT OR REPLACE INTO pending VALUES (\(Query.parameters(5)))"
    case .removePending: "DELETE FROM pending WHERE mailbox = ? AND side = ? AND uid = ?"
    case .intents:
      "SELECT mailbox, side, size, date, next, original FROM intent ORDER BY id"
    case .putIntent:
      """
      INSERT INTO intent (mailbox, side, size, date, next, original)
      VALUES (\(Query.parameters(6)))
      """
    case .clearIntents: "DELETE FROM intent WHERE mailbox = ? AND side = ?"
    case .value: "SELECT value FROM value WHERE key = ?"
    case .setValue: "INSERT OR REPLACE INTO value VALUES (?, ?)"
    case .counter: "SELECT next FROM counter WHERE name = ?"
    case .setCounter: "INSERT OR REPLACE INTO counter VALUES (?, ?)"
    }
  }

  private static let withChangedFlags =
    "LEFT JOIN changed_flags ON changed_flags.message = message.id"

  private static let wholeMessages =
    "SELECT message.*, changed_flags.* FROM message \(withChangedFlags)"

  private static let knownColumns = """
    left_uid, right_uid, left_id_low IS NOT NULL, right_id_low IS NOT NULL, stub IS NOT NULL,
      message.flags, message.keywords, message.left_lacking, message.left_lacking_keywords,
      message.right_lacking, message.right_lacking_keywords, changed_flags.*
    """

  private static let isUneven = """
    (left_uid <> right_uid OR stub IS NOT NULL
      AND coalesce(changed_flags.flags, message.flags) & \(SystemFlags.flagged.rawValue))
    """

  /// In the order of the columns, of which the first is the id.
  private static var messageAssignments: String {
    let columns = [
      "mailbox", "left_uid", "right_uid", "guid_high", "guid_low",
      "left_id_high", "left_id_low", "right_id_high", "right_id_low",
      "left_size", "left_digest_high", "left_digest_low",
      "right_size", "right_digest_high", "right_digest_low",
      "flags", "keywords", "left_lacking", "left_lacking_keywords",
      "right_lacking", "right_lacking_keywords", "date", "stub", "right_date",
    ]
    return columns.enumerated().map { "\($1) = ?\($0 + 2)" }.joined(separator: ", ")
  }

  private static func parameters(_ count: Int) -> String {
    repeatElement("?", count: count).joined(separator: ",")
  }
}
