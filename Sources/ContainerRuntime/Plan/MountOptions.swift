// The options of a mount, by the table of config.md "Linux mount options" (RT-config-024 and following).
import ContainerInit
import Diagnostics
package import Kernel

/// What the options of one mount ask for.
package struct MountOptions: Equatable, Sendable {
    package var set: MountAttributes = []
    package var clear: MountAttributes = []
    package var recursiveSet: MountAttributes = []
    package var recursiveClear: MountAttributes = []
    package var propagation: Propagation?
    package var recursivePropagation: Propagation?
    package var isBind = false
    package var isRecursiveBind = false
    package var isRemount = false
    package var copiesUp = false
    package var countsVersions = false
    package var isIDMapped = false
    package var isRecursivelyIDMapped = false
    /// What the file system itself understands.
    package var filesystem: [String] = []

    /// What a bind mount loses that its source has and no option names, as soon as one names an attribute: mount(2) knows no other way than to
    /// set all of them, so callers expect it. Access times stay unless an option is about them.
    package var impliedClear: MountAttributes {
        if set.isEmpty && clear.isEmpty { return [] }
        let isAboutAccessTime = clear.contains(.accessTimeField) || set.contains(.noDirectoryAccessTime)
        let all: MountAttributes = [.readOnly, .noSuid, .noDevices, .noExec, .noSymbolicLinks]
        return (isAboutAccessTime ? all.union(.anyAccessTime) : all).subtracting(set.subtracting(.accessTimeField))
    }

    /// Reads `options`; of two that contradict each other the later wins.
    package init(_ options: [String]) {
        for option in options where !apply(option) { filesystem.append(option) }
    }

    /// Whether the option was one of ours.
    private mutating func apply(_ option: String) -> Bool { applyAttribute(option) || applyKind(option) }

    private mutating func applyAttribute(_ option: String) -> Bool {
        let recursive = option.hasPrefix("r") && Self.attribute(String(option.dropFirst())) != nil && Self.attribute(option) == nil
        guard let change = Self.attribute(recursive ? String(option.dropFirst()) : option) else { return false }
        if recursive {
            recursiveSet.subtract(change.clear)
            recursiveSet.formUnion(change.set)
            recursiveClear.subtract(change.set)
            recursiveClear.formUnion(change.clear)
        } else {
            set.subtract(change.clear)
            set.formUnion(change.set)
            clear.subtract(change.set.subtracting(.accessTimeField))
            clear.formUnion(change.clear)
        }
        return true
    }

    /// The attributes that an option sets and clears. An access-time mode clears the whole field first.
    private static func attribute(_ option: String) -> (set: MountAttributes, clear: MountAttributes)? {
        switch option {
        case "ro": (.readOnly, [])
        case "rw": ([], .readOnly)
        case "nosuid": (.noSuid, [])
        case "suid": ([], .noSuid)
        case "nodev": (.noDevices, [])
        case "dev": ([], .noDevices)
        case "noexec": (.noExec, [])
        case "exec": ([], .noExec)
        case "noatime": (.noAccessTime, .accessTimeField)
        case "strictatime": (.strictAccessTime, .accessTimeField)
        case "atime", "relatime", "norelatime", "nostrictatime": ([], .accessTimeField)
        case "nodiratime": (.noDirectoryAccessTime, [])
        case "diratime": ([], .noDirectoryAccessTime)
        case "nosymfollow": (.noSymbolicLinks, [])
        case "symfollow": ([], .noSymbolicLinks)
        default: nil
        }
    }

    private mutating func applyKind(_ option: String) -> Bool {
        switch option {
        case "bind": isBind = true
        case "rbind":
            isBind = true
            isRecursiveBind = true
        case "remount": isRemount = true
        case "private": propagation = .private
        case "shared": propagation = .shared
        case "slave": propagation = .slave
        case "unbindable": propagation = .unbindable
        case "rprivate": recursivePropagation = .private
        case "rshared": recursivePropagation = .shared
        case "rslave": recursivePropagation = .slave
        case "runbindable": recursivePropagation = .unbindable
        case "tmpcopyup": copiesUp = true
        case "iversion": countsVersions = true
        case "noiversion": countsVersions = false
        case "idmap": isIDMapped = true
        case "ridmap":
            isIDMapped = true
            isRecursivelyIDMapped = true
        case "defaults", "silent", "loud": break  // nothing to ask of the kernel
        default: return false
        }
        return true
    }

    /// Whether an option that is none of ours is said to a file system, and without meaning where none is made: what every file system
    /// understands and the kernel keeps with it, and any name with a value. Another word may be an attribute that is mistyped; a mapping
    /// of ids that is not made would give files to the wrong owner.
    /// Source: config.md "Linux mount options" (RT-config-089); mount(2): a bind mount ignores `data`.
    static func isOfFileSystem(_ option: String) -> Bool {
        if ["async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"].contains(option) { return true }
        return option.utf8.contains(UInt8(ascii: "=")) && !["=", "idmap=", "ridmap="].contains(where: option.hasPrefix)
    }

    /// A hint for an option that other programs know by another name; nil for any other one.
    static func correction(of option: String) -> String? {
        switch option {
        case "readonly", "read-only": "did you mean \"ro\"?"
        case "readwrite", "read-write": "did you mean \"rw\"?"
        default: nil
        }
    }

    /// The names of all options above, for `features`.
    package static var known: [String] {
        [
            "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion", "lazytime", "loud", "mand",
            "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid",
            "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap", "rnoatime", "rnodev",
            "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw",
            "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave", "strictatime",
            "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
        ]
    }
}
