// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
//                                                                            RFC 9051 §9
extension InternalDate {
  private static let months: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// - Parameter text: without the quotes; the day may have one digit with or without a space before it.
  /// - Returns: `nil` for what is no date of the years 1 to 9999.
  public init?(imap text: [UInt8]) {
    guard let date = text.withUnsafeBytes({ InternalDate(imap: $0) }) else { return nil }
    self = date
  }

  init?(imap text: UnsafeRawBufferPointer) {
    var fields = DateFields(text)
    fields.skipSpace()
    guard let day = fields.number(digits: 1...2), fields.skip("-"), let month = fields.month(),
      fields.skip("-"), let year = fields.number(digits: 4...4), fields.skip(" "),
      let hour = fields.number(digits: 2...2), fields.skip(":"),
      let minute = fields.number(digits: 2...2), fields.skip(":"),
      let second = fields.number(digits: 2...2), fields.skip(" "),
      let sign = fields.sign(), let zone = fields.number(digits: 4...4), fields.isAtEnd
    else { return nil }
    guard year >= 1, day >= 1, day <= InternalDate.days(in: month, of: year), hour < 24,
      minute < 60,
      second <= 60, zone % 100 < 60
    else { return nil }
    let days = InternalDate.daysSince1970(year: year, month: month, day: day)
    let offset = sign * ((zone / 100) * 60 + zone % 100) * 60
    self.init(seconds: days * 86400 + hour * 3600 + minute * 60 + second - offset)
  }

  /// `05-Feb-2023 09:00:00 +0000`, without quotes; years outside 1 to 9999 become the nearest of these.
  public var imapText: String {
    let first = InternalDate.daysSince1970(year: 1, month: 1, day: 1) * 86400
    let last = InternalDate.daysSince1970(year: 9999, month: 12, day: 31) * 86400 + 86399
    let seconds = min(max(self.seconds, first), last)
    var days = seconds / 86400
    if seconds % 86400 < 0 { days -= 1 }
    let time = seconds - days * 86400
    let (year, month, day) = InternalDate.date(daysSince1970: days)
    let name = InternalDate.months[Int(month) - 1]
    return "\(padded(day, 2))-\(name)-\(padded(year, 4)) "
      + "\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2)) +0000"
  }

  private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  // The calendar repeats every 400 years of 146,097 days; a year is counted from March, so that the leap
  // day is its last.

  static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// A cursor over a date's text.
  private struct DateFields {
    private let text: UnsafeRawBufferPointer
    private var position = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    var isAtEnd: Bool { text[position...].allSatisfy { $0 == 0x20 } }

    mutating func skipSpace() { while next == 0x20 { position += 1 } }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard let next, UInt32(next) == character.value else { return false }
      position += 1
      return true
    }

    mutating func number(digits: ClosedRange<Int>) -> Int64? {
      var value: Int64 = 0
      var count = 0
      while count < digits.upperBound, let next, next >= 0x30, next <= 0x39 {
        value = value * 10 + Int64(next - 0x30)
        position += 1
        count += 1
      }
      return count >= digits.lowerBound ? value : nil
    }

    mutating func month() -> Int64? {
      for (index, name) in InternalDate.months.enumerated() where matches(name) {
        position += 3
        return Int64(index) + 1
      }
      return nil
    }

    private func matches(_ name: StaticString) -> Bool {
      ResponseLexer.matches(text, at: position, name)
    }

    mutating func sign() -> Int64? {
      if skip("+") { return 1 }
      return skip("-") ? -1 : nil
    }
  }
}
