import IMAPClient

/// Values of `since`.
enum Since {
  private static let day: Int64 = 86_400

  /// `90d`, `12w` or `2026-01-31`: the midnight (UTC) from which on messages are selected. A whole day, so
  /// that all runs of one day select the same.
  static func parse(_ text: String, now: Int64) throws(ValueError) -> InternalDate {
    if let date = date(text) { return date }
    let units: [Character: UInt64] = ["d": 1, "w": 7, "y": 365]
    guard let unit = text.last.flatMap({ units[$0] }),
      let number = ValueParsers.decimal(String(text.dropLast())), number <= 100_000
    else { throw .needs("an age as 90d or a date as 2026-01-31") }
    let today = now - now % day
    return InternalDate(seconds: today - Int64(number * unit) * day)
  }

  private static func date(_ text: String) -> InternalDate? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts.map(\.utf8.count) == [4, 2, 2],
      let year = ValueParsers.decimal(parts[0]).map({ Int64($0) }), year >= 1,
      let month = ValueParsers.decimal(parts[1]).map({ Int64($0) }), (1...12).contains(month),
      let dayOfMonth = ValueParsers.decimal(parts[2]).map({ Int64($0) }),
      (1...days(in: month, of: year)).contains(dayOfMonth)
    else { return nil }
    return InternalDate(seconds: daysSince1970(year, month, dayOfMonth) * day)
  }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// In the Gregorian calendar; years are counted from March, so that the leap day comes last.
  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }
}
