package import Diagnostics
import Kernel
package import OCISpec

/// `resources.json`: the limits of a container that was updated, without device rules, which stay as they are.
extension StateDirectory {
    private static var resourcesName: Path { "resources.json" }

    /// The limits after the last update; nil when there was none, so that those of the configuration hold.
    package borrowing func loadResources() throws(OperationError) -> LinuxResources? {
        let subject = path(of: Self.resourcesName).text
        let bytes: [UInt8]
        do throws(Errno) {
            let file = try handle.open(Self.resourcesName, [.readOnly, .noFollow, .nonBlocking])
            guard try file.status().kind == .regular else { throw .invalid }
            bytes = try file.readAll(limit: 16 << 20)
        } catch where error == .noEntry {
            return nil
        } catch {
            throw OperationError("read limits", subject, .errno(error))
        }
        return try LinuxResources.parse(bytes, source: subject)
    }

    /// Writes the limits as a whole or not at all.
    borrowing func store(_ resources: LinuxResources) throws(OperationError) {
        let new: Path = "resources.json.new"
        do throws(Errno) {
            let file = try handle.open(new, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600)
            try file.write(resources.text + "\n")
            try handle.rename(new, to: Self.resourcesName)
        } catch {
            throw OperationError("write limits", path(of: Self.resourcesName).text, .errno(error))
        }
    }
}
