package import Diagnostics
package import Kernel
package import OCISpec

/// A directory with a `config.json` and, usually, a rootfs. Source: bundle.md.
package struct Bundle: Sendable {
    /// Absolute.
    package let path: Path
    package let config: RuntimeConfig
    /// The file as it was read.
    package let configBytes: [UInt8]

    /// The largest `config.json` that is read.
    package static var configLimit: Int { 64 << 20 }

    /// Reads and checks the configuration of the bundle at `path`, or the file `config` in its stead.
    package init(_ path: Path, config: Path? = nil) throws(OperationError) {
        do throws(Errno) {
            // "." and what ends in it would be seen in the state, and in messages
            self.path = try path.absolute().withoutDots
            guard try fileStatus(self.path).kind == .directory else { throw .notDirectory }
        } catch {
            throw OperationError("open bundle", path.text, .errno(error), hint: "--bundle names the directory that holds config.json")
        }
        let file = config ?? self.path.appending("config.json")
        configBytes = try Self.readConfiguration(file)
        self.config = try RuntimeConfig.parse(configBytes, source: file.text)
    }

    /// The whole of a `config.json`, which must be a regular file.
    static func readConfiguration(_ file: Path) throws(OperationError) -> [UInt8] {
        do throws(Errno) {
            let handle = try FileDescriptor.open(file, [.readOnly, .nonBlocking])
            let kind = try handle.status().kind
            guard kind == .regular else { throw kind == .directory ? .isDirectory : .invalid }
            return try handle.readAll(limit: Self.configLimit)
        } catch {
            let hint: String? =
                switch error {
                case .noEntry: "\"spec\" writes a config.json to begin with"
                case .isDirectory: "--config names a file, --bundle a directory"
                default: nil
                }
            throw OperationError("read", file.text, .errno(error), hint: hint)
        }
    }
}
