package import Cgroups
package import Diagnostics

/// Where in the container's cgroup a new process goes: what `exec --cgroup` says.
///
/// "PATH" counts from the container's directory in every hierarchy, "CONTROLLER,…:PATH" in those of version 1 controllers.
/// The container's own directory is "/". Source: runc-exec(8), "--cgroup".
package struct ExecCgroup: Equatable, Sendable {
    /// The path for all hierarchies.
    private var common: String?
    private var ofController: [(controller: String, path: String)] = []

    package static func == (left: ExecCgroup, right: ExecCgroup) -> Bool {
        left.common == right.common && left.ofController.elementsEqual(right.ofController) { $0.controller == $1.controller && $0.path == $1.path }
    }

    /// - Throws: `.invalid` for options that contradict each other. Whether a path leads out is seen in `directories`.
    package init(_ options: [String]) throws(OperationError) {
        func refused(_ option: String, _ why: String) -> OperationError { OperationError("read option", "--cgroup " + option, .invalid(why)) }
        for option in options {
            guard let colon = option.utf8.firstIndex(of: UInt8(ascii: ":")) else {
                if options.count > 1 { throw refused(option, "of several paths each needs its controllers: \"CONTROLLER:PATH\"") }
                common = option
                continue
            }
            let path = String(option[option.utf8.index(after: colon)...])
            for controller in option[..<colon].split(separator: ",", omittingEmptySubsequences: false) {
                if controller.isEmpty { throw refused(option, "the controller before \":\" is missing") }
                if ofController.contains(where: { $0.controller == controller }) { throw refused(option, "\(controller) has another path already") }
                ofController.append((String(controller), path))
            }
        }
    }

    /// Whether nothing was asked for.
    package var isDefault: Bool { common == nil && ofController.isEmpty }

    /// The container's `directories`, each with the path that was asked for.
    ///
    /// - Parameter setup: the hierarchies; called only if a controller is named.
    /// - Throws: `.invalid` for a path that leads out of the container's cgroup, by its components and not by its beginning:
    ///   "../web2" of "web" lies beside it (threat D04); for a controller that the container's cgroup does not have.
    package func directories(
        _ directories: [String], setup: () throws(OperationError) -> CgroupSetup
    ) throws(OperationError) -> [String] {
        if let common { return try Self.directories(directories, below: common) }
        if ofController.isEmpty { return directories }
        let hierarchies = try setup().hierarchies
        var result = directories
        for (controller, path) in ofController {
            let mountPoint = hierarchies.first { $0.version == .v1 && $0.controllers.contains(controller) }?.mountPoint
            guard let mountPoint, let index = directories.firstIndex(where: { $0.hasPrefix(mountPoint + "/") }) else {
                throw OperationError(
                    "join cgroup", "\(controller):\(path)", .invalid("the container has no version 1 cgroup of that controller"),
                    hint: "without \"\(controller):\" the path is for all hierarchies")
            }
            result[index] = try Self.directories([directories[index]], below: path)[0]
        }
        return result
    }

    private static func directories(_ directories: [String], below path: String) throws(OperationError) -> [String] {
        var path = path[...]
        while path.first == "/" { path = path.dropFirst() }
        while path.last == "/" { path = path.dropLast() }
        if path.split(separator: "/").contains("..") {
            // runc's words, as far as "path"
            throw OperationError("join cgroup", String(path), .invalid("\(path) is not a sub cgroup path: it has a component \"..\""))
        }
        return path.isEmpty ? directories : try cgroupDirectories(directories, below: String(path))
    }
}
