// Writing a running container down with criu. The container's state is locked only for the look, as `exec` does it: a dump of much memory
// takes long, and whoever wants to kill the container meanwhile must be able to. criu undoes what it has begun when this process dies.
import Cgroups
import Criu
package import Diagnostics
import Kernel
import OCISpec

/// Dumps a container into images from which `restoreContainer` makes it again. Unless it is left running, it is deleted then.
///
/// - Parameter warn: gets each warning's text.
/// - Throws: `.invalid("container not running …")`; what criu says at the end of its log. The container goes on as before then.
package func checkpointContainer(_ options: CheckpointOptions, in root: borrowing StateRoot, warn: (String) -> Void) throws(OperationError) {
    let (state, config, yard) = try lookAt(options.id, in: root)
    guard let process = try InitProcess.find(state) else { throw notRunning(options.id, .stopped) }
    if effectiveUserID() != 0 { warn("criu needs root for most of what it does") }
    let criu = try CriuProgram.find(options.criu.program)
    if options.preDump { try criu.require(.memoryTracking, for: "--pre-dump") }
    if options.criu.options.lazyPages { try criu.require(.lazyPages, for: "--lazy-pages") }
    let directory = try ImageDirectory.open(options.criu, creating: true)
    if let parent = options.parentPath { try directory.requireParent(parent) }
    let facts = try CheckpointFacts.find(state, config, process)
    var request = try options.request(config, facts) { path in (try? fileStatus(Path(path))) != nil }  // any reason not to have it is the same
    request.cgroupYard = yard
    directory.enter(into: &request)
    if !options.preDump { try directory.storeStreams(facts.streams.map { $0.name }) }
    try dump(options, request, criu, into: directory, state)
    if options.preDump || options.criu.options.leavesRunning { return }
    // what criu has written down has ended
    try deleteContainer(options.id, in: root, force: true, warn: warn)
}

private func lookAt(_ id: ContainerID, in root: borrowing StateRoot) throws(OperationError) -> (StoredState, RuntimeConfig, yard: String?) {
    let container = try Container.open(id, in: root)
    let status = try container.status()
    guard status == .running || status == .paused else { throw notRunning(id, status) }
    return (container.state, try container.directory.storedConfiguration(), try container.directory.makeCriuYard())
}

private func notRunning(_ id: ContainerID, _ status: ContainerStatus) -> OperationError {
    OperationError("checkpoint container", id.text, .invalid("container not running (it is \(status.rawValue))"))
}

private func dump(
    _ options: CheckpointOptions, _ request: CriuOptions, _ criu: CriuProgram, into directory: borrowing ImageDirectory, _ state: StoredState
) throws(OperationError) {
    let kind: CriuRequestKind = options.preDump ? .preDump : .dump
    let operation = options.preDump ? "dump memory with" : "dump with"
    let wasFrozen = try state.cgroup.isFrozen()
    try directory.forgetLog(CheckpointNames.dumpLog)
    if let trace = options.criu.trace { for line in request.lines { trace("criu: " + line) } }
    var outcome: CriuProgram.Outcome?
    var failure: OperationError?
    do throws(OperationError) {
        outcome = try criu.converse(
            { _ in CriuRequest(kind, options: request) },
            prepare: { () throws(Errno) in
                try startSession()
                // whoever waits for the end of --status-fd must not wait for criu's; nor are the caller's other descriptors for it
                if let descriptor = options.statusDescriptor { closeDescriptors(from: descriptor, through: descriptor) }
                _ = closeOnExec(from: CriuProgram.socketNumber)
            },
            notified: { (script, _, _) throws(OperationError) in
                if let trace = options.criu.trace { trace("criu: at " + script) }
                if script == "status-ready", let descriptor = options.statusDescriptor { try tellReady(descriptor) }
            })
    } catch {
        failure = error
    }
    if let outcome, outcome.succeeded(kind) { return }
    // a criu that was killed leaves the container frozen
    if !wasFrozen, (try? state.cgroup.isFrozen()) == true { try? state.cgroup.thaw() }  // criu's failure is the one to tell
    if let failure { throw failure }
    if let outcome { throw directory.failure(operation, criu, outcome, log: CheckpointNames.dumpLog) }
}

/// Tells whoever moves the container that the pages can be fetched now. Source: criu(8) `--status-fd`.
private func tellReady(_ number: Int32) throws(OperationError) {
    do throws(Errno) {
        try FileDescriptor.withStream(number) { (stream) throws(Errno) in try stream.write([0]) }
        closeDescriptors(from: number, through: number)
    } catch {
        throw OperationError("write to", "--status-fd \(number)", .errno(error))
    }
}

extension CriuProgram {
    /// The oldest criu that does all that is asked of it: freezing by cgroup version 2, external pid namespaces, notifications about pages.
    static var least: CriuVersion { CriuVersion(3, 15) }

    /// Finds criu and looks at its age.
    ///
    /// - Parameter name: a path, or a name to search in $PATH.
    static func find(_ name: String) throws(OperationError) -> CriuProgram {
        let hint = "install the package criu, or name the program with --criu"
        let program: CriuProgram
        if name.utf8.contains(UInt8(ascii: "/")) {
            program = CriuProgram(Path(name))
            do throws(Errno) { try mayAccess(program.path, mode: 1) } catch { throw OperationError("run", name, .errno(error), hint: hint) }
        } else {
            program = CriuProgram(try ProgramOutput.find(name, hint: hint))
        }
        let version = try program.version()
        guard version >= least else {
            throw OperationError("use", program.path.text, .unsupported("version \(version.text) of criu"), hint: "it must be \(least.text) or later")
        }
        return program
    }
}
