import Kernel

/// What kind of tree layers are applied to.
package enum TreeForm: Equatable, Sendable {
    /// One directory that holds the result of all layers.
    case flat
    /// A directory for one layer alone, which the overlay file system puts on top of others.
    case layer(OverlayMarks)
}

/// The class of extended attributes in which the overlay file system keeps its marks.
package enum OverlayMarks: String, Equatable, Sendable {
    /// With privileges over the machine.
    case trusted
    /// In a user namespace; mounts need the option "userxattr".
    case user

    /// Marks a directory that hides the one below it.
    var opaque: Path { Path(rawValue + ".overlay.opaque") }
}
