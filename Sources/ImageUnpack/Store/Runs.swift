package import Diagnostics
package import Kernel

/// Bundles that live as long as the process that has made them: `runs/NAME` in the store, each with a file that its maker has locked.
///
/// One whose file nobody has locked was left behind by a process that was killed. A maker holds the store's lock shared until it has locked the
/// file, and whoever removes such a bundle holds it exclusively: one in the making is never taken for abandoned.
extension LayerStore {
    /// Of a bundle.
    static var runFile: String { "overlay/run" }

    /// Where bundles of `calque run` lie, made where it is missing. Absolute.
    package func directoryOfRuns() throws(OperationError) -> Path {
        do throws(Errno) {
            do throws(Errno) { try handle.makeDirectory("runs", permissions: 0o700) } catch where error == .exists {}
            return path.appending("runs")
        } catch {
            throw failed("make", "runs", error)
        }
    }

    /// Whether there is a bundle of that name.
    package func hasRun(_ name: String) throws(OperationError) -> Bool {
        do throws(Errno) {
            _ = try handle.status(of: Path("runs/\(name)"))
            return true
        } catch where error == .noEntry {
            return false
        } catch {
            throw failed("look for", "runs/\(name)", error)
        }
    }

    /// Takes the lock of a new bundle.
    package func lockRun(_ name: String) throws(OperationError) -> RunLock {
        do throws(Errno) {
            let file = try handle.open(Path("runs/\(name)/\(Self.runFile)"), [.readOnly, .noFollow])
            try file.lock(waiting: false)
            return RunLock(file)
        } catch {
            throw failed("lock", "runs/\(name)", error)
        }
    }

    /// Lets a bundle outlive its maker.
    package func keepRun(_ name: String) throws(OperationError) {
        do throws(Errno) { try handle.remove(Path("runs/\(name)/\(Self.runFile)")) } catch { throw failed("keep", "runs/\(name)", error) }
    }

    /// Removes bundles whose makers are gone, and whose containers are. The store must be opened exclusively.
    /// - Parameter wanted: the only name to be looked at; nil for all.
    /// - Returns: how many there were.
    package func removeAbandonedRuns(_ wanted: String? = nil) throws(OperationError) -> Int {
        var count = 0
        do throws(Errno) {
            let runs: FileDescriptor
            do throws(Errno) { runs = try handle.open("runs", [.readOnly, .directory, .noFollow]) } catch where error == .noEntry { return 0 }
            for entry in try runs.entries() where wanted == nil || entry.text == wanted {
                guard let name = Path(bytes: entry.name), try isAbandoned(entry, name, in: runs) else { continue }
                try runs.removeTree(name)
                count += 1
            }
        } catch {
            throw failed("collect", "runs", error)
        }
        return count
    }

    private func isAbandoned(_ entry: DirectoryEntry, _ name: Path, in runs: borrowing FileDescriptor) throws(Errno) -> Bool {
        // nobody makes or removes a bundle now
        if entry.text.hasPrefix(BundleDirectory.prefix) { return true }
        do throws(Errno) {
            try runs.open(name.appending(Self.runFile), [.readOnly, .noFollow]).lock(waiting: false)
        } catch where error == .noEntry || error == .tryAgain {
            return false  // it is kept, or in use
        }
        // the runtime may live on without calque: its state is beside the bundles
        do throws(Errno) { _ = try handle.status(of: Path("state/\(entry.text)")) } catch where error == .noEntry { return true }
        return false
    }
}

/// Tells that a bundle of `calque run` is in use, as long as its maker lives.
package final class RunLock {
    private let file: FileDescriptor

    init(_ file: consuming FileDescriptor) { self.file = file }

    /// Gives it back.
    package func end() {
        do throws(Errno) { try file.unlock() } catch {}  // closing it does the same
    }
}
