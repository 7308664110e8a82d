/// What was built.
enum BuildInformation {
    static var version: String { "0.1.0" }
    /// In a built program `make build` writes the commit over this text: 40 digits, and "-dirty" if the tree has changes.
    private static var room: String { "unknown                                       " }
    static var commit: String { String(room.prefix { $0 != " " }) }
    /// The version of the runtime specification that is implemented.
    static var specification: String { "1.3.0" }
}
