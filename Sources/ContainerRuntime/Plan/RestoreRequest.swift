// What criu must know to restore a container: everything that the checkpoint named as external, found anew on this host, perhaps
// another one. Pure; see CheckpointRequest.swift for the names.
import Cgroups
import ContainerInit
import Criu
import Diagnostics
import Kernel
import OCISpec

/// Descriptors that criu inherits, by their numbers in its table.
enum InheritedNumber {
    /// The caller's standard streams: criu's own stdout and stderr are read for errors.
    static func stream(_ number: Int32) -> Int32 { CriuProgram.socketNumber + 1 + number }
    static var network: Int32 { CriuProgram.socketNumber + 4 }
    static var pid: Int32 { CriuProgram.socketNumber + 5 }
}

extension RestoreOptions {
    /// criu's options for a restoration, without the descriptors of directories and without cgroups.
    ///
    /// - Parameters:
    ///   - bundle: where relative sources of mounts begin: absolute, since criu is somewhere else.
    ///   - root: where the rootfs is mounted for criu.
    ///   - hostNamespaces: joined namespaces that are the caller's own: nothing is to be done for them.
    ///   - streams: the content of descriptors.json.
    ///   - submounts: for a source of a recursive bind mount, where mounts of the host are below it, and the way from it to each.
    func request(
        _ config: RuntimeConfig, plan: ContainerPlan, bundle: Path, root: String, hostNamespaces: NamespaceSet, streams: [String],
        submounts: (Path) -> [(place: Path, rest: String)], exists: (String) -> Bool
    ) throws(OperationError) -> CriuOptions {
        guard plan.newNamespaces.contains(.mount) else {
            throw CheckpointNames.refused("a container without a mount namespace of its own", field: "linux.namespaces")
        }
        try CheckpointNames.refuseJoined(config.linux?.namespaces ?? [])
        var options = criu.criuOptions(annotated: config.annotations["org.criu.config"], exists: exists)
        options.logFile = CheckpointNames.restoreLog
        options.root = root
        options.evasiveDevices = true
        options.restoresAsSibling = true
        // the newer way gives mounts the peers of their sources, which the kernel (6.12, not 6.1) refuses for another user namespace
        options.mountsCompatibly = plan.newNamespaces.contains(.user)
        for namespace in plan.joinedNamespaces where !hostNamespaces.contains(namespace.kind) {
            switch namespace.kind {
            case .network: options.inherited.append(.init(CheckpointNames.key(of: .network), InheritedNumber.network))
            case .pid: options.inherited.append(.init(CheckpointNames.key(of: .pid), InheritedNumber.pid))
            default: options.joinedNamespaces.append(.init(namespace.kind.procName, namespace.path))
            }
        }
        for (index, stream) in streams.prefix(3).enumerated() where ["pipe:[", "file[", "tty["].contains(where: stream.hasPrefix) {
            // two streams may be one file: criu wants each name once
            if options.inherited.contains(where: { $0.key == stream }) { continue }
            options.inherited.append(.init(stream, InheritedNumber.stream(Int32(index))))
        }
        options.externalMounts = externalMounts(config, plan: plan, bundle: bundle, submounts: submounts)
        return options
    }

    private func externalMounts(
        _ config: RuntimeConfig, plan: ContainerPlan, bundle: Path, submounts: (Path) -> [(place: Path, rest: String)]
    ) -> [CriuOptions.Pair] {
        var pairs: [CriuOptions.Pair] = []
        func add(_ name: String, _ source: String) {
            // of two mounts at one place the later is the one to see
            pairs.removeAll { $0.key == name }
            pairs.append(CriuOptions.Pair(name, source))
        }
        for device in CheckpointNames.devices(config) { add(device, device) }
        for mount in config.mounts {
            let name = CheckpointNames.name(of: mount.destination)
            if mount.isBind {
                // criu takes paths apart and knows no "."
                guard let source = mount.source.map({ Path($0).relative(to: bundle).withoutDots }) else { continue }
                add(name, source.text)
                // criu looks for those alone that the images tell of
                if mount.isRecursiveBind { for submount in submounts(source) { add(name + submount.rest, submount.place.text) } }
            } else if mount.type == "cgroup" || mount.type == "cgroup2" {
                addCgroups(name, plan.cgroup, add)
            }
        }
        return pairs
    }

    /// In version 1 one mount a hierarchy, as `planCgroupMount` makes them.
    private func addCgroups(_ place: String, _ cgroup: CgroupPlan, _ add: (String, String) -> Void) {
        let legacy = cgroup.directories.filter { $0.hierarchy.version == .v1 }
        for directory in legacy { add(place + "/" + Path(directory.hierarchy.mountPoint).lastComponent, directory.absolute) }
        if legacy.isEmpty, let directory = cgroup.directories.first { add(place, directory.absolute) }
    }
}

extension CriuOptions {
    /// Tells criu which cgroups of this host take the place of the dumped ones.
    mutating func setRoots(_ memberships: [CgroupMembership]) {
        cgroupRoots = []
        for membership in memberships {
            let names = membership.isVersion2 ? [""] : membership.name.map { ["name=" + $0] } ?? membership.controllers
            for name in names { cgroupRoots.append(Pair(name, membership.path)) }
        }
    }
}

extension ContainerPlan {
    /// The host's group of the root of a new user namespace; nil when that root is the host's, or there is none.
    var groupOfForeignRoot: UInt32? {
        guard newNamespaces.contains(.user), let maps = idMaps else { return nil }
        func host(_ ranges: [IDMapRange]) -> UInt32? { ranges.first { $0.containerID == 0 && $0.size > 0 }?.hostID }
        return host(maps.uids) == 0 ? nil : host(maps.gids)
    }

    var hasReadOnlyRoot: Bool { steps.contains { $0.step == .makeRootReadOnly } }

    /// The steps that make the container's tree of files, to be done in namespaces that end with the process: criu mounts what the image
    /// tells, and expects every mount point and device of the root to be there, which a new root may not have.
    var treePlan: ContainerPlan {
        var plan = self
        plan.steps = []
        for step in steps {
            switch step.step {
            case .pivotRoot, .moveRoot, .changeRoot:
                plan.add(.announceReady)
                return plan
            case .synchronize(.idMaps), .synchronize(.timeOffsets), .hideFromOthers, .becomeRoot, .joinNamespace, .unshareNamespaces, .continueInChild,
                .setPropagation, .attachRootfs, .mount, .mountCgroups, .makeDevice, .makeLink, .makeWorkingDirectory:
                plan.steps.append(step)
            default: continue
            }
        }
        return plan
    }
}
