import Diagnostics
import Kernel

extension LayerApplier {
    /// Gives the open file to its owner in the image, or records him; only files and directories can have a record.
    ///
    /// - Parameter now: to whom it belongs.
    mutating func setOwner(_ entry: TarEntry, of file: borrowing FileDescriptor, now: (uid: UInt32, gid: UInt32)) throws(Errno) {
        if policy.owners == .kept {
            if entry.uid == now.uid && entry.gid == now.gid { return }
            do throws(Errno) { return try file.changeOwner(uid: entry.uid, gid: entry.gid) } catch where error == .invalid && policy.isRootless {
                warnings.add("/\(entry.text): the user namespace has no id for the owner \(entry.uid):\(entry.gid), which is recorded instead")
            }
        }
        let owner = OwnerRecord(uid: entry.uid, gid: entry.gid)
        if !owner.isRoot { try record(OwnerRecord.attribute, owner.bytes, on: file) }
    }

    /// A file system without attributes of users costs one warning.
    mutating func record(_ attribute: Path, _ value: [UInt8], on file: borrowing FileDescriptor) throws(Errno) {
        do throws(Errno) { try file.setAttribute(attribute, value) } catch where error == .notSupported {
            if !hasWarnedOfRecords { warnings.add("the file system has no attributes of users: whose files are in the image is not recorded") }
            hasWarnedOfRecords = true
        }
    }
}
