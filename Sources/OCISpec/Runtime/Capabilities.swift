package import Diagnostics
package import JSON

/// The capability sets of the process, as names: "CAP_CHOWN".
///
/// Names stay text: an unknown one is a warning of whoever applies them, not an error (RT-config-124).
/// Source: config.md "Linux Process" (RT-config-123 to RT-config-130).
package struct Capabilities: Equatable, Sendable {
    package var effective: [String] = []
    package var bounding: [String] = []
    package var inheritable: [String] = []
    package var permitted: [String] = []
    package var ambient: [String] = []

    package init() {}

    package init(_ object: JSONObject) throws(OperationError) {
        effective = try object.strings("effective") ?? []
        bounding = try object.strings("bounding") ?? []
        inheritable = try object.strings("inheritable") ?? []
        permitted = try object.strings("permitted") ?? []
        ambient = try object.strings("ambient") ?? []
    }
}
