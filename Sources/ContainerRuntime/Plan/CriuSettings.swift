package import Criu
package import Kernel

/// What `checkpoint` and `restore` have in common.
package struct CriuSettings {
    /// The program, or its name in $PATH.
    package var program = "criu"
    package var imagePath: Path
    /// Where criu writes its log; the images' directory when it is nil.
    package var workPath: Path?
    /// What the caller decides of criu's own options; the others come from the container.
    package var options = CriuOptions()
    /// Gets the request to criu and its notifications, line by line; nil without `--debug`.
    package var trace: ((String) -> Void)?
    package init(imagePath: Path) { self.imagePath = imagePath }

    /// The caller's options, and those that no container's differ in.
    ///
    /// Devices of a network namespace are never dumped or made: whoever prepared them for the container, an engine or a hook, does so again.
    func criuOptions(annotated annotation: String?, exists: (String) -> Bool) -> CriuOptions {
        var options = options
        options.emptyNamespaces = CriuSettings.networkFlag
        options.configFile = Self.configFile(annotated: annotation, exists: exists)
        return options
    }

    /// CLONE_NEWNET of clone(2).
    static var networkFlag: UInt32 { 0x4000_0000 }

    /// A file with further options for criu, which overrule ours: that of the annotation `org.criu.config`; none when the annotation is
    /// empty; without one the first of ours and runc's that is there.
    static func configFile(annotated annotation: String?, exists: (String) -> Bool) -> String? {
        if let annotation { return annotation.isEmpty ? nil : annotation }
        return ["/etc/criu/cale.conf", "/etc/criu/runc.conf"].first(where: exists)
    }
}

/// What `checkpoint` is told.
package struct CheckpointOptions {
    package var id: ContainerID
    package var criu: CriuSettings
    /// Earlier images of the container, relative to the images' directory.
    package var parentPath: String?
    package var preDump = false
    /// Gets a zero byte when lazy pages can be fetched.
    package var statusDescriptor: Int32?
    package init(id: ContainerID, criu: CriuSettings) {
        self.id = id
        self.criu = criu
    }
}

/// What `restore` is told.
package struct RestoreOptions {
    package var creation: CreateOptions
    package var criu: CriuSettings
    package var detaches = false
    package var adoptsOrphans = true
    package init(creation: CreateOptions, criu: CriuSettings) {
        self.creation = creation
        self.criu = criu
    }
}
