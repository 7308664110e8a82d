// Volumes: directories whose data lie outside of the root filesystem. Those of Config.Volumes are directories of the bundle and
// go with it; those with a name lie in the store and outlive every container; a directory of the host is just that. A new one is
// seeded with what the image has at its place. Source: conversion.md "Optional Fields".
package import Diagnostics
import JSON
import Kernel
import OCISpec
import UntrustedTree

/// A volume that somebody asks for: "NAME:/path[:ro]" or "/directory:/path[:ro]".
package struct VolumeRequest: Equatable, Sendable {
    /// A name in the store, or the absolute path of a directory of the host.
    var source: String
    var destination: String
    var isReadOnly: Bool

    package init(_ text: String) throws(OperationError) {
        func refused(_ why: String) -> OperationError { OperationError("read", text, .invalid(why), hint: "--volume NAME:/path[:ro] or --volume /directory:/path[:ro]") }
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
        isReadOnly = parts.count == 3 && parts[2] == "ro"
        if parts.count == 3 && (parts[2] == "ro" || parts[2] == "rw") { parts.removeLast() }
        guard parts.count == 2, parts[1].hasPrefix("/") else { throw refused("this is no volume") }
        (source, destination) = (parts[0], parts[1])
        if source.hasPrefix("/") { return }
        let plain = source.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || [0x2D, 0x2E, 0x5F].contains($0) }
        guard plain, !source.isEmpty, !source.hasPrefix("."), source.utf8.count < 128 else {
            throw refused("a volume's name has letters, digits, \"-\", \"_\" and \".\", and does not begin with \".\"")
        }
    }
    /// Whether it lies in the store.
    package var hasName: Bool { !source.hasPrefix("/") }
}

/// A volume of a bundle.
struct PlannedVolume: Equatable {
    enum Place: Equatable {
        /// Below the bundle, relative to it.
        case bundle(String)
        /// In the directory "volumes" of a store, whose path is `of`.
        case named(String, of: Path)
        case host(String)
    }
    var destination: InRootPath
    var place: Place
    var isReadOnly = false

    var mount: Mount {
        let source =
            switch place {
            case .bundle(let directory): directory
            case .named(let name, let store): store.appending("volumes/" + name).text
            case .host(let path): path
            }
        return Mount(destination: destination.text, type: "bind", source: source, options: ["rbind", isReadOnly ? "ro" : "rw", "rprivate"])
    }

    /// The volumes that are asked for, then those of the image that nobody asked for otherwise.
    /// - Parameter store: where volumes with names lie; absolute.
    /// - Throws: for a volume that would cover what the runtime itself puts there.
    static func plan(_ volumes: [String], requests: [VolumeRequest] = [], store: Path? = nil) throws(OperationError) -> [PlannedVolume] {
        var planned: [PlannedVolume] = []
        for request in requests {
            let destination = try check(request.destination, field: nil)
            if planned.contains(where: { $0.destination == destination }) { throw OperationError("read", request.destination, .invalid("two volumes have this place")) }
            if !request.hasName {
                planned.append(PlannedVolume(destination: destination, place: .host(request.source), isReadOnly: request.isReadOnly))
            } else if let store {
                planned.append(PlannedVolume(destination: destination, place: .named(request.source, of: store), isReadOnly: request.isReadOnly))
            } else {
                throw OperationError("read", request.source, .invalid("a volume with a name lies in a store"), hint: "name one with --store")
            }
        }
        for volume in volumes {
            let destination = try check(volume, field: JSONPath.member(volume, of: "config.Volumes"))
            if planned.contains(where: { $0.destination == destination }) { continue }
            planned.append(PlannedVolume(destination: destination, place: .bundle("volumes/\(planned.count)")))
        }
        return planned
    }

    private static func check(_ volume: String, field: String?) throws(OperationError) -> InRootPath {
        func refused(_ why: String) -> OperationError { OperationError("read", volume, .invalid(why), field: field) }
        guard volume.hasPrefix("/"), let path = InRootPath(bytes: volume.utf8) else { throw refused("a volume is an absolute path") }
        let first = path.components.first.map { String(decoding: $0, as: UTF8.self) }
        if first == nil || first == "proc" || first == "sys" || first == "dev" { throw refused("a volume cannot be on /, /proc, /sys or /dev") }
        return path
    }

    /// Makes the volume's directory, unless it is there, and copies what the image has at its place.
    /// - Parameter budget: for the copies of all volumes of a bundle.
    func make(in bundle: borrowing FileDescriptor, root: borrowing RootDirectory, budget: inout SeedBudget) throws(OperationError) {
        do throws(Errno) {
            switch place {
            case .bundle(let directory):
                do throws(Errno) { try bundle.makeDirectory("volumes", permissions: 0o755) } catch where error == .exists {}
                try bundle.makeDirectory(Path(directory), permissions: 0o755)
                try seed(try bundle.open(Path(directory), [.readOnly, .directory, .noFollow]), from: root, &budget)
            case .named(let name, let store):
                let volumes = try FileDescriptor.open(store.appending("volumes"), [.readOnly, .directory, .noFollow])
                do throws(Errno) { try volumes.makeDirectory(Path(name), permissions: 0o755) } catch where error == .exists { return }
                do throws(Errno) { try seed(try volumes.open(Path(name), [.readOnly, .directory, .noFollow]), from: root, &budget) } catch {
                    let first = error
                    do throws(Errno) { try volumes.removeTree(Path(name)) } catch {}  // the first error is the one to tell
                    throw first
                }
            case .host(let path):
                guard try fileStatus(Path(path)).kind != .unknown else { throw .noEntry }
            }
        } catch {
            throw OperationError(
                "make volume for", destination.text, .errno(error),
                hint: error == .tooLarge ? "what the image has there is more than 200 times its own size: --no-size-limit if it is to be trusted" : nil)
        }
    }

    private func seed(_ target: borrowing FileDescriptor, from root: borrowing RootDirectory, _ budget: inout SeedBudget) throws(Errno) {
        let source: FileDescriptor
        // the image may have nothing there: an empty volume, and the runtime makes the mount point
        do throws(Errno) { source = try root.open(destination, [.readOnly, .directory]) } catch where error == .noEntry || error == .notDirectory { return }
        var copy = VolumeCopy(to: RootDirectory(try target.duplicate()), budget: budget)
        defer { budget = copy.budget }
        try copy.copy(from: source, to: target, at: .root)
    }
}
