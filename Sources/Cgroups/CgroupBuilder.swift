import Diagnostics
import Kernel
import OCISpec

/// Makes the directories of one cgroup and remembers them.
struct CgroupBuilder {
    let owner: UInt32?
    private(set) var directories: [String] = []
    private(set) var madeParents: [String] = []
    /// Everything that was made, in order.
    private var made: [String] = []

    /// The process that holds the place of the init; nil without systemd.
    private let placeholder: Int32?

    init(owner: UInt32?, placeholder: Int32? = nil) {
        self.owner = owner
        self.placeholder = placeholder
    }

    mutating func build(_ directory: CgroupPlan.Directory) throws(OperationError) {
        let path = directory.absolute
        try ControllerSwitch(directory).enable { (parent) throws(OperationError) in try makeParents(of: directory, upTo: parent) }
        let isNew: Bool
        do throws(Errno) {
            isNew = try make(directory)
        } catch {
            let isDenied = isDenial(error)
            if isDenied && !directory.isRequired && (!directory.limitsDevices || isInUserNamespace()) { return }
            throw OperationError(
                "create cgroup", path, .errno(error),
                hint: isDenied ? "this user may not make cgroups here: limits need a cgroup that is delegated to the user" : nil)
        }
        if !isNew { try Self.refuseInUse(path, but: placeholder) }
        if directory.isCpuset1 { try inheritCpuset(directory, isNew: isNew) }
        directories.append(path)
        try setLimits(of: directory, isNew: isNew)
    }

    /// Gives the directory that systemd has made what systemd does not know of.
    func fill(_ directory: CgroupPlan.Directory) throws(OperationError) {
        try ControllerSwitch(directory).enable()
        try setLimits(of: directory, isNew: true)
    }

    private func setLimits(of directory: CgroupPlan.Directory, isNew: Bool) throws(OperationError) {
        let path = directory.absolute
        if directory.writes.isEmpty && directory.devices == nil && owner == nil { return }
        let handle = try openCgroup(path)
        do throws(OperationError) {
            try handle.write(directory.writes, in: path)
            if let devices = directory.devices { try handle.limitDevices(devices, in: path, isNew: isNew) }
        } catch {
            // Only root of the first user namespace can limit devices; for everybody else there is nothing to guard.
            let isDevices = error.field == resourcesField + ".devices"
            guard isDevices, error.errno == .notPermitted || error.errno == .accessDenied, isInUserNamespace() else { throw error }
        }
        if let owner, directory.hierarchy.version == .v2 { try handle.giveTo(owner, path) }
    }

    /// Removes what was made, deepest first. Errors are not reported: the failure that led here is.
    func undo() {
        for path in made.reversed() {
            do throws(Errno) { try removeFile(Path(path), directory: true) } catch { continue }  // nothing more can be done
        }
    }

    /// Whether the container's own directory is new.
    private mutating func make(_ directory: CgroupPlan.Directory) throws(Errno) -> Bool {
        // Another container's removal may take the parents away in between.
        for _ in 0..<16 {
            do throws(Errno) {
                try makeDirectory(Path(directory.absolute), permissions: 0o755)
                made.append(directory.absolute)
                return true
            } catch {
                if error == .exists { return false }
                if error != .noEntry { throw error }
            }
            try makeEachParent(directory, count: directory.path.split(separator: "/").count - 1)
        }
        throw .noEntry
    }

    /// The parents down to the absolute path `last`, since controllers are enabled there.
    private mutating func makeParents(of directory: CgroupPlan.Directory, upTo last: String) throws(OperationError) {
        let depth = last.dropFirst(directory.hierarchy.mountPoint.count).split(separator: "/").count
        do throws(Errno) {
            try makeEachParent(directory, count: depth)
        } catch {
            // The directory itself will be denied as well, and whether that matters is decided there.
            if !isDenial(error) { throw OperationError("create cgroup", last, .errno(error)) }
        }
    }

    private func isDenial(_ error: Errno) -> Bool { error == .accessDenied || error == .notPermitted || error == .readOnlyFilesystem }

    private mutating func makeEachParent(_ directory: CgroupPlan.Directory, count: Int) throws(Errno) {
        var path = directory.hierarchy.mountPoint
        for name in directory.path.split(separator: "/").prefix(count) {
            path += "/" + name
            do throws(Errno) {
                try makeDirectory(Path(path), permissions: 0o755)
                made.append(path)
                madeParents.append(path)
            } catch where error == .exists {}
        }
    }

    /// RT-config-linux-043: an existing cgroup must have no processes but `placeholder`, and not be frozen. One that is not there is fine.
    static func refuseInUse(_ path: String, but placeholder: Int32? = nil) throws(OperationError) {
        func refused(_ why: String, _ hint: String) -> OperationError { OperationError("create cgroup", path, .invalid(why), hint: hint) }
        let count = try Cgroup.existing(directories: [path]).processes().filter { $0 != placeholder }.count
        if count > 0 {
            throw refused("container's cgroup is not empty: \(count) process(es) found", "choose another cgroupsPath, or end them first")
        }
        if try Cgroup.existing(directories: [path]).isFrozen() { throw refused("container's cgroup unexpectedly frozen", "thaw it first") }
    }
}

/// Whether this process is in another user namespace than the host's first, where root's rights end at the namespace.
func isInUserNamespace() -> Bool {
    do throws(Errno) {
        let map = words(String(decoding: try readFile("/proc/self/uid_map", limit: 65536), as: UTF8.self))
        return map != ["0", "0", "4294967295"]
    } catch {
        return false  // a kernel without user namespaces
    }
}
