/// What was built. A release build generates this file anew with its commit.
enum BuildInformation {
    static var version: String { "0.1.0" }
    static var commit: String { "unknown" }
    /// The version of the runtime specification that is implemented.
    static var specification: String { "1.3.0" }
}
