import OCISpec

/// What may come out of a layer.
package struct ApplyPolicy: Sendable {
    /// Without privileges: owners stay the caller's, device nodes become empty files, privileged attributes are left out.
    package var isRootless: Bool
    /// Entries of one layer.
    package var entryLimit = 10_000_000
    /// See `LayerStream.hasSizeLimit`.
    package var hasSizeLimit = true

    package init(isRootless: Bool) { self.isRootless = isRootless }
}

/// What becomes of an extended attribute.
enum AttributeRule {
    case set, leaveOut
    case refuse(why: String)

    /// - Parameter name: with its class: "security.capability".
    init(_ name: String, isRootless: Bool) {
        // Overlay's own marks would hide or redirect files when the tree becomes a lower layer.
        if name.hasPrefix("trusted.overlay.") || name.hasPrefix("user.overlay.") {
            self = .refuse(why: "the attribute \(name) is the overlay file system's own")
        } else if name == "security.selinux" || name == "security.ima" || name == "security.evm" {
            self = .leaveOut  // they speak of the machine that the image was made on
        } else if isRootless && !name.hasPrefix("user.") {
            self = .leaveOut
        } else {
            self = .set
        }
    }
}
