import SyncEngine

@main
enum Main {
  static func main() {}
}
