import Kernel
import OCISpec

/// What becomes of owners.
package enum OwnerTreatment: Equatable, Sendable {
    /// Files belong to whom the image says.
    case kept
    /// They belong to the caller, and an attribute says whose they are in the image.
    case recorded
}

/// What may come out of a layer.
package struct ApplyPolicy: Equatable, Sendable {
    /// Without privileges over the machine: device nodes become empty files, privileged attributes are left out.
    package var isRootless: Bool
    package var owners: OwnerTreatment
    /// Entries of one layer.
    package var entryLimit = 10_000_000
    /// Nil: layers may grow without measure.
    package var allowance: UnpackAllowance? = UnpackAllowance()

    /// - Parameter owners: nil: recorded without privileges.
    package init(isRootless: Bool, owners: OwnerTreatment? = nil) {
        self.isRootless = isRootless
        self.owners = owners ?? (isRootless ? .recorded : .kept)
    }
}

/// What becomes of an extended attribute.
enum AttributeRule {
    case set, leaveOut
    case refuse(why: String)

    /// - Parameter name: with its class: "security.capability".
    init(_ name: String, _ policy: ApplyPolicy) {
        // Overlay's own marks would hide or redirect files when the tree becomes a lower layer.
        if name.hasPrefix("trusted.overlay.") || name.hasPrefix("user.overlay.") {
            self = .refuse(why: "the attribute \(name) is the overlay file system's own")
        } else if name == "security.selinux" || name == "security.ima" || name == "security.evm" {
            self = .leaveOut  // they speak of the machine that the image was made on
        } else if policy.isRootless && (OwnerRecord.attribute.bytes.elementsEqual(name.utf8) || DeviceRecord.attribute.bytes.elementsEqual(name.utf8)) {
            self = .leaveOut  // what is recorded here is ours to say
        } else if policy.isRootless && !name.hasPrefix("user.") && !(policy.owners == .kept && Self.isAllowedInUserNamespace(name)) {
            self = .leaveOut
        } else {
            self = .set
        }
    }

    /// Source: user_namespaces(7), capabilities(7) "Namespaced file capabilities".
    private static func isAllowedInUserNamespace(_ name: String) -> Bool { name == "security.capability" || name.hasPrefix("system.posix_acl_") }
}
