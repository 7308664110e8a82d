// Config.Volumes: directories whose data lie outside of the root filesystem. Each becomes a directory of the bundle, seeded
// with what the image has there, and bound into the container. Source: conversion.md "Optional Fields".
import Diagnostics
import JSON
import Kernel
import OCISpec
import UntrustedTree

/// A volume of the image.
struct PlannedVolume: Equatable {
    var destination: InRootPath
    /// In the bundle.
    var directory: String

    var mount: Mount { Mount(destination: destination.text, type: "bind", source: directory, options: ["rbind", "rw", "rprivate"]) }

    /// - Throws: for a volume that would cover what the runtime itself puts there.
    static func plan(_ volumes: [String]) throws(OperationError) -> [PlannedVolume] {
        var planned: [PlannedVolume] = []
        for volume in volumes {
            func refused(_ why: String) -> OperationError { OperationError("read", volume, .invalid(why), field: JSONPath.member(volume, of: "config.Volumes")) }
            guard volume.hasPrefix("/"), let path = InRootPath(bytes: volume.utf8) else { throw refused("a volume is an absolute path") }
            let first = path.components.first.map { String(decoding: $0, as: UTF8.self) }
            if first == nil || first == "proc" || first == "sys" || first == "dev" { throw refused("a volume cannot be on /, /proc, /sys or /dev") }
            if planned.contains(where: { $0.destination == path }) { continue }
            planned.append(PlannedVolume(destination: path, directory: "volumes/\(planned.count)"))
        }
        return planned
    }

    /// Makes the volume's directory in `bundle` and moves there what the image has at its place.
    func make(in bundle: borrowing FileDescriptor, root: borrowing RootDirectory) throws(OperationError) {
        do throws(Errno) {
            let parent: Path = "volumes"
            do throws(Errno) { try bundle.makeDirectory(parent, permissions: 0o755) } catch where error == .exists {}
            try bundle.makeDirectory(Path(directory), permissions: 0o755)
            let target = try bundle.open(Path(directory), [.readOnly, .directory, .noFollow])
            let source = try root.open(destination, [.readOnly, .directory])
            let status = try source.status()
            for entry in try source.entries() {
                guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
                try source.rename(name, to: name, in: target)
            }
            if effectiveUserID() == 0 { try target.changeOwner(uid: status.uid, gid: status.gid) }
            try target.changePermissions(status.permissions)
            try target.setTimes(accessed: status.accessed, modified: status.modified)
            try source.setTimes(accessed: status.accessed, modified: status.modified)
        } catch where error == .noEntry || error == .notDirectory {
            return  // the image has nothing there: an empty volume, and the runtime makes the mount point
        } catch {
            throw OperationError("make volume for", destination.text, .errno(error))
        }
    }
}
