import Glibc
import IMAPClient
import Testing

@Suite("received dates") struct InternalDateTests {
  @Test(
    arguments: [
      ("01-Jan-1970 00:00:00 +0000", 0), ("31-Dec-1969 23:59:59 +0000", -1),
      ("17-Jul-1996 02:44:25 -0700", 837_596_665), ("05-Feb-2023 09:00:00 +0000", 1_675_587_600),
      (" 5-Feb-2023 09:00:00 +0000", 1_675_587_600), ("5-Feb-2023 09:00:00 +0000", 1_675_587_600),
      ("05-FEB-2023 10:30:00 +0130", 1_675_587_600), ("05-feb-2023 09:00:00 -0000", 1_675_587_600),
      ("29-Feb-2000 00:00:00 +0000", 951_782_400), ("29-Feb-2024 12:00:00 +0000", 1_709_208_000),
      ("31-Dec-2016 23:59:60 +0000", 1_483_228_800), ("19-Jan-2038 03:14:08 +0000", 2_147_483_648),
      ("01-Jan-1980 00:00:00 +1400", 315_482_400), ("01-Jan-0001 00:00:00 +0000", -62_135_596_800),
      ("31-Dec-9999 23:59:59 +0000", 253_402_300_799),
    ] as [(String, Int64)])
  func instants(text: String, seconds: Int64) {
    #expect(InternalDate(imap: Array(text.utf8)) == InternalDate(seconds: seconds))
  }

  @Test(
    "what is no date",
    arguments: [
      "", " ", "05-Feb-2023", "05-Feb-2023 09:00:00", "05-Feb-2023 09:00:00 0000",
      "05-Feb-2023 09:00:00 +000", "05-Feb-2023 09:00:00 +00000", "05-Feb-2023 09:00:00 GMT",
      "32-Jan-2023 09:00:00 +0000", "00-Jan-2023 09:00:00 +0000", "29-Feb-2023 09:00:00 +0000",
      "29-Feb-1900 09:00:00 +0000", "31-Apr-2023 09:00:00 +0000", "05-Foo-2023 09:00:00 +0000",
      "05-Fe-2023 09:00:00 +0000", "05-Feb-0000 09:00:00 +0000", "05-Feb-23 09:00:00 +0000",
      "05-Feb-12023 09:00:00 +0000", "05-Feb-2023 24:00:00 +0000", "05-Feb-2023 09:60:00 +0000",
      "05-Feb-2023 09:00:61 +0000", "05-Feb-2023 9:00:00 +0000", "05-Feb-2023 09:00:00 +0060",
      "005-Feb-2023 09:00:00 +0000", "05-Feb-2023  09:00:00 +0000", "05-Feb-2023 09:00:00 +0000x",
      "-5-Feb-2023 09:00:00 +0000", "05-Feb-2023 09:00:00 +-100", "05/Feb/2023 09:00:00 +0000",
      "05-Feb-2023 09:00:00 \u{0}0000", "2023-02-05 09:00:00 +0000", "&%-Feb-2023 09:00:00 +0000",
    ])
  func refused(text: String) {
    #expect(InternalDate(imap: Array(text.utf8)) == nil)
    for count in 0..<text.utf8.count {
      // Never a trap, and a date only where nothing is missing.
      #expect(InternalDate(imap: Array(text.utf8.prefix(count))) == nil || count >= 25)
    }
  }

  @Test("dates of the years 1 to 9999 come back")
  func roundTrip() {
    let first: Int64 = -62_135_596_800
    let last: Int64 = 253_402_300_799
    var seconds = first
    var count = 0
    // Days and a prime, so that all times of day occur.
    while seconds <= last {
      let date = InternalDate(seconds: seconds)
      if InternalDate(imap: Array(date.imapText.utf8)) != date {
        Issue.record("\(seconds) became \(date.imapText)")
        return
      }
      seconds += 86_400 * 53 + 7919
      count += 1
    }
    #expect(count > 60_000)
    #expect(InternalDate(imap: Array(InternalDate(seconds: last).imapText.utf8))?.seconds == last)
  }

  @Test("as the C library counts") func againstTheLibrary() {
    for seconds in stride(from: Int64(-2_208_988_800), to: 4_102_444_800, by: 1_589_761) {
      var time = time_t(seconds)
      var fields = tm()
      gmtime_r(&time, &fields)
      let text = InternalDate(seconds: seconds).imapText
      #expect(Int32(text.prefix(2)) == fields.tm_mday)
      #expect(Int32(text.dropFirst(7).prefix(4)) == fields.tm_year + 1900)
      #expect(Int32(text.dropFirst(12).prefix(2)) == fields.tm_hour)
      #expect(text.utf8.count == 26)
    }
  }

  @Test(
    "what has no text takes the nearest",
    arguments: [
      (Int64.min, "01-Jan-0001 00:00:00 +0000"), (-62_135_596_801, "01-Jan-0001 00:00:00 +0000"),
      (253_402_300_800, "31-Dec-9999 23:59:59 +0000"), (.max, "31-Dec-9999 23:59:59 +0000"),
    ])
  func clamped(seconds: Int64, text: String) {
    #expect(InternalDate(seconds: seconds).imapText == text)
  }
}
