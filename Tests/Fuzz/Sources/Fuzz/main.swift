import Glibc

// usage: fuzz TARGET [OPTION OF libFuzzer | FOLDER]...

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

private nonisolated(unsafe) var target: FuzzTarget?

private func complain(_ text: String) {
  let line = Array("fuzz: \(text)\n".utf8)
  write(2, line, line.count)
}

private func check(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let problem = target?.check(Array(UnsafeBufferPointer(start: start, count: count))) else {
    return 0
  }
  complain(problem)
  abort()
}

private func main() -> Int32 {
  let name = CommandLine.arguments.dropFirst().first ?? ""
  target = FuzzTarget.all.first { $0.name == name }
  guard target != nil else {
    complain("one of " + FuzzTarget.all.map(\.name).joined(separator: ", ") + " is needed")
    return 64
  }
  let words = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
  var count = Int32(words.count)
  let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: words.count + 1)
  for (index, word) in words.enumerated() { list[index] = strdup(word) }
  list[words.count] = nil
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = list
  return runDriver(&count, &arguments, check)
}

exit(main())
