// What commands tell of containers without changing them.
import ContainerInit
package import Diagnostics
package import JSON
import Kernel
package import OCISpec

/// One line of `list`.
package struct ListEntry: Equatable, Sendable {
    package let state: StoredState
    package let status: ContainerStatus
}

/// All containers below `root`, sorted by id.
///
/// - Parameter warn: gets what is wrong with a container whose state cannot be read; the others are listed all the same.
package func listContainers(in root: borrowing StateRoot, warn: (String) -> Void) throws(OperationError) -> [ListEntry] {
    var entries: [ListEntry] = []
    for id in try root.identifiers() {
        do throws(OperationError) {
            let container = try Container.open(id, in: root)
            entries.append(ListEntry(state: container.state, status: try container.status()))
        } catch {
            // deleted since the listing, or broken
            if error.cause != .invalid("container does not exist") { warn(error.description) }
        }
    }
    return entries
}

extension StoredState {
    /// The state of the specification with what runc adds to it: rootfs, created, owner.
    package func writeDescription(_ status: ContainerStatus, to writer: inout JSONWriter) {
        let isStopped = status == .stopped
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            writer.member("id", id)
            writer.member("pid", isStopped ? 0 : pid)
            writer.member("status", status.name)
            writer.member("bundle", bundle)
            writer.member("rootfs", rootfs)
            writer.member("created", RFC3339.text(nanoseconds: createdNanoseconds))
            if !annotations.isEmpty {
                writer.key("annotations")
                annotations.write(to: &writer)
            }
            writer.member("owner", userName(ownerUID))
        }
    }
}

/// The name of user `uid` on the host, or its number. Only /etc/passwd is read: a static program has no NSS.
package func userName(_ uid: UInt32) -> String {
    if uid == 0 { return "root" }
    do throws(Errno) {
        let bytes = try readFile("/etc/passwd", limit: 4 << 20)
        for line in bytes.split(separator: 0x0A) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            if fields.count > 2, String(decoding: fields[2], as: UTF8.self) == String(uid) { return String(decoding: fields[0], as: UTF8.self) }
        }
    } catch {
        // a host without passwd: the number says who it is
    }
    return String(uid)
}

/// Plans the container of `options` without touching anything.
package func planContainer(_ options: CreateOptions) throws(OperationError) -> ContainerPlan {
    var handles = HandleTable()
    let preparation: Preparation
    do throws(OperationError) {
        preparation = try Preparation(
            options, waitsForStart: true, handles: &handles,
            compile: { (profile) throws(OperationError) in try SeccompCacheDirectory(nil).compile(profile) })
    } catch {
        throw namingUnknownProperties(error, options)
    }
    var plan = preparation.plan
    // nobody else tells them: the specification wants them ignored (RT-config-245)
    let unknown = try RuntimeConfig.unknownProperties(preparation.bundle.configBytes, source: "config.json")
    plan.warnings += unknown.map { "\($0): no such property is known, ignoring" }
    return plan
}

/// The error of a configuration that is refused, with the properties that nobody knows: a misspelt one is missing by its right name.
private func namingUnknownProperties(_ error: OperationError, _ options: CreateOptions) -> OperationError {
    var error = error
    do throws(OperationError) {
        let bytes = try Bundle.readConfiguration(options.config ?? options.bundle.appending("config.json"))
        let unknown = try RuntimeConfig.unknownProperties(bytes, source: "config.json")
        if !unknown.isEmpty { error.hint = (error.hint.map { $0 + "; " } ?? "") + "no such property is known: " + unknown.joined(separator: ", ") }
    } catch {
        // what cannot be read is the error itself
    }
    return error
}
