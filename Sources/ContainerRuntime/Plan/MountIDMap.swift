// The options `idmap` and `ridmap`, `uidMappings` and `gidMappings` of a mount. The map is given to the copy of the source by
// the parent: see Host/IDMappedSource.swift.
import ContainerInit
import Diagnostics
import Kernel
import OCISpec

extension ContainerPlan {
    /// How `mount` maps owners; nil when it does not.
    ///
    /// - Throws: `.invalid` where there is no map to take, `.unsupported` for what is no bind mount: a file system that the
    ///   container mounts belongs to its user namespace already.
    /// Source: config.md "Linux mount options" and "POSIX-platform Mounts" (RT-config-084, RT-config-085, RT-config-091
    /// to RT-config-098).
    func sourceIDMap(
        _ mount: Mount, options: MountOptions, isBind: Bool, field: String, context: PlanContext
    ) throws(OperationError) -> SourceIDMap? {
        guard options.isIDMapped || !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty else { return nil }
        guard isBind else { throw Self.idMapRefusal("an id map on what is no bind mount", field) }
        guard context.isPrivileged else {
            throw OperationError(
                "map owners of", mount.destination, .errno(.notPermitted), field: field, hint: "idmapped mounts need root on the host")
        }
        func map(_ maps: SourceIDMap.Maps) -> SourceIDMap { SourceIDMap(maps: maps, isRecursive: options.isRecursivelyIDMapped) }
        if !mount.uidMappings.isEmpty { return map(.ranges(IDMaps(uids: Self.ranges(mount.uidMappings), gids: Self.ranges(mount.gidMappings)))) }
        if let idMaps { return map(.ranges(idMaps)) }
        guard isPrivate(.user, context) else {
            throw OperationError(
                "map owners of", mount.destination, .invalid("there are no mappings, and the container has no user namespace of its own"),
                field: field + ".options", hint: "add uidMappings and gidMappings to the mount")
        }
        return map(.joinedNamespace)
    }

    static func idMapRefusal(_ what: String, _ field: String) -> OperationError {
        OperationError("read", "config.json", .unsupported(what), field: field)
    }

    static func ranges(_ mappings: [LinuxIDMapping]) -> [IDMapRange] {
        mappings.map { IDMapRange(containerID: $0.containerID, hostID: $0.hostID, size: $0.size) }
    }
}

extension SourceIDMap {
    /// "users mapped 0:1000:10, groups 0:2000:10": the id of a file, its id in the mount, how many.
    var text: String {
        let scope = isRecursive ? ", also in the mounts below it" : ""
        switch maps {
        case .joinedNamespace: return "owners mapped by the joined user namespace" + scope
        case .ranges(let maps):
            func list(_ ranges: [IDMapRange]) -> String { ranges.map({ "\($0.containerID):\($0.hostID):\($0.size)" }).joined(separator: " ") }
            return "users mapped \(list(maps.uids)), groups \(list(maps.gids))" + scope
        }
    }
}
