import IMAPClient

/// Short names for values of which tests need many.
func uid(_ raw: UInt32) -> UID { UID(raw) ?? .last }

func guid(_ number: UInt64) -> GlobalUID {
  GlobalUID(high: number &* 0x9e37_79b9_7f4a_7c15, low: ~number)
}

func name(_ components: String...) -> MailboxName { MailboxName(components) ?? .inbox }
