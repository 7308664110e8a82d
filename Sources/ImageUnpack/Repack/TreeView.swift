import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// One file under all its names.
struct FileIdentity: Hashable {
    var device: UInt64
    var inode: UInt64
    init(_ status: FileStatus) { (device, inode) = (status.device, status.inode) }
}

/// A tree that is compared or packed, and how its attributes are to be read.
final class TreeView {
    let root: RootDirectory
    /// `.layer`: the writable layer of an overlay mount, in which hidden names have a mark.
    let form: TreeForm
    private let policy: ApplyPolicy
    private let own = (uid: effectiveUserID(), gid: effectiveGroupID())

    /// - Parameter policy: how it was unpacked. Without privileges, what belongs to the caller belongs to root in the image, or to whom a
    ///   record names.
    init(_ root: consuming RootDirectory, form: TreeForm = .flat, policy: ApplyPolicy) {
        self.root = root
        (self.form, self.policy) = (form, policy)
    }

    /// Whose the entry `name` of `directory` is, in the image.
    func owner(of name: Path, in directory: borrowing FileDescriptor, _ status: FileStatus) throws(Errno) -> (uid: UInt32, gid: UInt32) {
        if !policy.isRootless { return (status.uid, status.gid) }
        if let bytes = try record(OwnerRecord.attribute, of: name, in: directory, status), let owner = OwnerRecord(bytes) { return (owner.uid, owner.gid) }
        return (status.uid == own.uid ? 0 : status.uid, status.gid == own.gid ? 0 : status.gid)
    }

    /// The device that the entry stands for; nil for most.
    func device(of name: Path, in directory: borrowing FileDescriptor, _ status: FileStatus) throws(Errno) -> DeviceRecord? {
        guard policy.isRootless, status.kind == .regular, status.size == 0 else { return nil }
        return try record(DeviceRecord.attribute, of: name, in: directory, status).flatMap { DeviceRecord($0) }
    }

    /// Only files and directories can have one.
    private func record(_ attribute: Path, of name: Path, in directory: borrowing FileDescriptor, _ status: FileStatus) throws(Errno) -> [UInt8]? {
        guard status.kind == .regular || status.kind == .directory else { return nil }
        do throws(Errno) { return try directory.attribute(attribute, of: name) } catch where error == .noData || error == .notSupported { return nil }
    }

    /// The extended attributes that an image has a place for, by name.
    /// - Parameter leftOut: told of an attribute of the overlay file system that is not this tree's own.
    func attributes(of name: Path, in directory: borrowing FileDescriptor, leftOut: (String) -> Void = { _ in }) throws(Errno) -> [TarAttribute] {
        var attributes: [TarAttribute] = []
        for attribute in try directory.attributeNames(of: name) {
            switch AttributeRule(attribute.text, policy) {
            case .refuse:
                if !isOwnMark(attribute.text) { leftOut(attribute.text) }
            case .leaveOut: break
            case .set:
                do throws(Errno) {
                    attributes.append(TarAttribute(name: attribute.text, value: try directory.attribute(attribute, of: name)))
                } catch where error == .noData {}  // it has gone meanwhile
            }
        }
        return attributes.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Whether the overlay file system has set the attribute here for itself. What it keeps for a mount inside of it has "overlay" twice.
    private func isOwnMark(_ name: String) -> Bool {
        guard case .layer(let marks) = form else { return false }
        return name.hasPrefix(marks.rawValue + ".overlay.") && !name.hasPrefix(marks.rawValue + ".overlay.overlay.")
    }

    /// Whether the directory hides all that layers below have in it.
    func isOpaque(_ directory: borrowing FileDescriptor) throws(Errno) -> Bool {
        guard case .layer(let marks) = form else { return false }
        do throws(Errno) { return try directory.attribute(marks.opaque) == [UInt8(ascii: "y")] } catch where error == .noData || error == .notSupported { return false }
    }

    /// Whether the entry says that a name of the layers below is hidden.
    func hides(_ status: FileStatus) -> Bool { form != .flat && status.isWhiteout }
}

extension InRootPath {
    /// "a/b", as an archive has it; "." for the root.
    var archiveName: [UInt8] { isRoot ? [UInt8(ascii: ".")] : Array(components.joined(separator: [UInt8(ascii: "/")])) }
}
