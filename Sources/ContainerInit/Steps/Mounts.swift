// Mounts below the root. A target is resolved once, below the root, to a descriptor, and the mount goes to that
// descriptor: a link exchanged in between changes nothing (CVE-2021-30465, CVE-2024-45310).
import Diagnostics
import Kernel
import UntrustedTree

extension Executor {
    mutating func attachMount(_ step: MountStep) throws(Errno) {
        if case .remount(let options) = step.source { return try remount(step, options: options) }
        let inherited = try inheritedMode(step)
        let mount = try makeMount(step, adding: inherited)
        try applyAttributes(step, to: mount)
        let target = try mountTarget(step)
        if step.copiesUp { try copyUp(from: target, to: mount) }
        try mount.attach(to: target)
        // Propagation is set on the attached mount: only there it has peers.
        if let propagation = step.propagation { try mount.setMountAttributes([], propagation: propagation, recursive: false) }
        if let propagation = step.recursivePropagation { try mount.setMountAttributes([], propagation: propagation, recursive: true) }
        if let label = step.label { try mount.open(".", [.readOnly, .directory]).setAttribute("security.selinux", Array(label.utf8) + [0]) }
        try keep(mount, at: step.destination)
    }

    /// What later steps need of a mount: a new root, and the procfs and sysfs that masks are for (see `openBelow`).
    private mutating func keep(_ mount: consuming FileDescriptor, at place: InRootPath) throws(Errno) {
        if place.isRoot {
            handles.closeMounts()
            handles.insert(mount, as: .root)  // everything later belongs below the new root
        } else if place.components.count == 1, ["/proc", "/sys"].contains(place.text) {
            let type = try mount.filesystemType()
            if type == .proc || type == .sysfs { handles.insert(mount, as: .mounted(place)) } else { handles.close(.mounted(place)) }
        }
    }

    /// A link of the image must not lead a mount into the container's procfs, where the plan lets nothing be mounted but what it names: the container's
    /// own tools and whoever looks into it would read and write other files than they mean (CVE-2019-16884, CVE-2025-52881).
    ///
    /// Another procfs, such as the host's in a bind mount of its "/", may be covered.
    func refuseProc(_ target: borrowing FileDescriptor, at place: InRootPath) throws(Errno) {
        if place.isInProc { return }
        guard try target.filesystemType() == .proc else { return }
        if let proc = InRootPath.root.appending(Array("proc".utf8)), handles.contains(.mounted(proc)) {
            let own = try handles.with(.mounted(proc)) { (mount) throws(Errno) in try mount.mountID() }
            if try target.mountID() != own { return }
        }
        throw .tooManyLinks
    }

    /// A tmpfs without a mode of its own gets that of the directory that it covers, as with runc: what an image keeps from others is not
    /// open to all of them, which is the kernel's default. Empty when nothing is there yet.
    private func inheritedMode(_ step: MountStep) throws(Errno) -> [String] {
        guard case .new("tmpfs", _, let options) = step.source, !step.copiesUp, !options.contains(where: { $0.hasPrefix("mode=") }) else { return [] }
        do throws(Errno) {
            return ["mode=" + String(try openInRoot(step.destination, [.path, .directory]).status().permissions, radix: 8)]
        } catch where error == .noEntry || error == .notDirectory { return [] }
    }

    private mutating func makeMount(_ step: MountStep, adding inherited: [String]) throws(Errno) -> FileDescriptor {
        switch step.source {
        case .new(let type, let source, let options):
            // attributes that have a place of their own are set at once; recursive ones below
            return try FileDescriptor.newMount(type: type, options: (source.isEmpty ? [] : ["source=" + source]) + options + inherited, attributes: step.set)
        case .bind(let path, let recursive):
            return try FileDescriptor.open(path, [.path]).cloneTree(recursive: recursive)
        case .handle(let name):
            // given away: a second mount of the same copy is not wanted
            guard let mount = handles.take(name) else { throw .badDescriptor }
            return mount
        case .remount:
            throw .invalid
        }
    }

    private func applyAttributes(_ step: MountStep, to mount: borrowing FileDescriptor) throws(Errno) {
        if case .new = step.source {
            // has got its attributes when it was made, and has nothing to clear
        } else if !step.set.isEmpty || !step.clear.isEmpty {
            do throws(Errno) {
                try mount.setMountAttributes(step.set, clearing: step.clear.union(step.impliedClear), recursive: false)
            } catch where error == .notPermitted && !step.impliedClear.isEmpty {
                // the source has one that is locked: it stays, as with runc
                try mount.setMountAttributes(step.set, clearing: step.clear.union(step.impliedClear.intersection(.neverLocked)), recursive: false)
            }
        }
        if !step.recursiveSet.isEmpty || !step.recursiveClear.isEmpty {
            try mount.setMountAttributes(step.recursiveSet, clearing: step.recursiveClear, recursive: true)
        }
    }

    private func remount(_ step: MountStep, options: [String]) throws(Errno) {
        let target = try openInRoot(step.destination, [.path])
        try refuseProc(target, at: step.destination)
        if !options.isEmpty { try target.reconfigureFileSystem(options) }
        try target.setMountAttributes(step.set, clearing: step.clear, recursive: false)
        if let propagation = step.propagation { try target.setMountAttributes([], propagation: propagation, recursive: false) }
        if let propagation = step.recursivePropagation { try target.setMountAttributes([], propagation: propagation, recursive: true) }
    }

    private func mountTarget(_ step: MountStep) throws(Errno) -> FileDescriptor {
        let target = try handles.withRoot { (root) throws(Errno) in
            if step.refusesLinks { return try root.makePlainDirectories(step.destination, permissions: 0o755) }
            if step.destinationIsFile { return try root.makeFile(step.destination, permissions: 0o644, directories: 0o755) }
            return try root.makeDirectories(step.destination, permissions: 0o755)
        }
        try refuseProc(target, at: step.destination)
        return target
    }

    /// The container's cgroups, each hierarchy below one tmpfs as version 1 has it on the host.
    mutating func mountCgroups(_ step: CgroupMountStep) throws(Errno) {
        let target = try handles.withRoot { (root) throws(Errno) in try root.makeDirectories(step.destination, permissions: 0o755) }
        try refuseProc(target, at: step.destination)
        let tree = try FileDescriptor.newMount(type: "tmpfs", options: ["mode=755"], attributes: step.attributes.subtracting(.readOnly))
        try tree.attach(to: target)
        for hierarchy in step.hierarchies {
            let name = Path(hierarchy.name)
            try tree.makeDirectory(name, permissions: 0o755)
            try FileDescriptor.cloneTree(at: hierarchy.path).attach(to: name, in: tree)
            for alias in hierarchy.aliases { try tree.makeLink(Path(alias), to: name) }
        }
        // at once for all of them: a call less for each hierarchy
        try tree.setMountAttributes(step.attributes, recursive: true)
    }
}
