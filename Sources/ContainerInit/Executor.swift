// Carries out a plan inside the container. Straight down: a step works, or (step, errno) is reported and the process
// ends. No JSON, no wording, no look-ups in the environment; strings were laid out by the parent.
import Diagnostics
import Kernel
import UntrustedTree

/// The running init.
package struct Executor: ~Copyable {
    let plan: InitPlan
    var handles: HandleTable
    /// The namespaces that are private by now.
    var entered: NamespaceSet
    /// Whether the `proc` handle is of a procfs on which others can mount.
    var sharesProc = false
    /// Where the program was found.
    var program: Path?
    let arguments: StringVector
    let environment: StringVector

    /// Runs `plan` in a process that was just cloned into `plan.firstNamespaces`. Never returns.
    package static func run(_ plan: InitPlan, handles: consuming HandleTable) -> Never {
        var executor = Executor(
            plan: plan, handles: handles, entered: plan.firstNamespaces, program: nil,
            arguments: StringVector(plan.arguments), environment: StringVector(plan.environment))
        executor.handles.closeOthers(from: 3 + plan.preservedDescriptors)
        blankArguments()  // every process of a container may read /proc/PID/cmdline of one that it sees
        Kernel.setFileCreationMask(0)  // what the plan makes has just the permissions that the plan says
        executor.runSteps()
        exitNow(1)  // a plan ends with `execute`, which does not come back
    }

    private mutating func runSteps() {
        for index in plan.steps.indices {
            let step = plan.steps[index]
            if let needed = step.requiredNamespace, !entered.contains(needed) {
                return report(.failure(step: index, errno: .notPermitted, detail: []))
            }
            do throws(Errno) {
                try perform(step, at: index)
            } catch {
                return report(.failure(step: index, errno: error, detail: []))
            }
        }
    }

    /// Tells whoever waits: the creator, or `start` when it has rung. A reader that is gone changes nothing.
    borrowing func report(_ report: Report) {
        do throws(Errno) {
            try handles.with(handles.contains(.reports) ? .reports : .outcome) { (reader) throws(Errno) in try reader.write(report.bytes) }
        } catch {
            exitNow(1)
        }
    }

    private mutating func perform(_ step: Step, at index: Int) throws(Errno) {
        switch step {
        case .joinCgroups: try joinCgroups()
        case .synchronize(let point): try synchronize(point)
        case .hideFromOthers: try setDumpable(false)
        case .setOOMScore(let score): try openVerifiedProc("self/oom_score_adj", .writeOnly).writeAtOnce(String(score))
        case .becomeRoot(let dropGroups): try becomeRoot(dropGroups: dropGroups)
        case .joinNamespace(let kind): try joinNamespace(kind)
        case .unshareNamespaces(let kinds):
            try unshare(kinds)
            entered.formUnion(kinds)
        case .continueInChild(let kinds): try continueInChild(kinds)
        case .closeHostHandles: closeHostHandles()
        case .leaveHost: try leaveHost()
        case .continueInContainer: try continueInContainer()
        case .startSession(let isNeeded): try startSession(isNeeded: isNeeded)
        case .joinKeyring(let name): try joinKeyring(name)
        case .setHostname(let name): try Kernel.setHostname(name)
        case .setDomainname(let name): try Kernel.setDomainname(name)
        case .bringLoopbackUp: try Kernel.bringLoopbackUp()
        case .runHooks(let phase, let hooks): try runHooks(phase, hooks, step: index)
        case .announceReady:
            closeHostHandles()
            try synchronize(.ready)
        case .awaitStart: try awaitStart()
        case .execute: try execute(preserving: plan.preservedDescriptors)
        default: try performInTree(step)
        }
    }

    private mutating func performInTree(_ step: Step) throws(Errno) {
        switch step {
        case .setPropagation(let propagation, let recursive): try Kernel.setPropagation(propagation, of: "/", recursive: recursive)
        case .attachRootfs(let path, let recursive, let propagation): try attachRootfs(path, recursive: recursive, propagation: propagation)
        case .openRootfs(let path): handles.insert(try FileDescriptor.open(path, [.path, .directory]), as: .root)
        case .compareRoots: try compareRoots()
        case .mount(let mount): try attachMount(mount)
        case .mountCgroups(let mount): try mountCgroups(mount)
        case .makeDevice(let device): try makeDevice(device)
        case .makeLink(let path, let target): try makeLink(path, target: target)
        case .openNull(let path): try openNull(path)
        case .makeWorkingDirectory(let path): try makeWorkingDirectory(path)
        case .maskPath(let path): try maskPath(path)
        case .makeReadOnly(let path): try makeReadOnly(path)
        case .setTerminal(let terminal): try setTerminal(terminal)
        case .controlTerminal: try FileDescriptor.withStream(0) { (terminal) throws(Errno) in try terminal.becomeControllingTerminal() }
        case .makeRootReadOnly: try handles.with(.root) { (root) throws(Errno) in try root.setMountAttributes(.readOnly, recursive: false) }
        case .pivotRoot: try pivot()
        case .moveRoot: try moveRoot()
        case .changeRoot: try enterRoot()
        case .setRootPropagation(let propagation, let recursive): try setRootPropagation(propagation, recursive: recursive)
        default: try performOnProcess(step)
        }
    }

    private mutating func performOnProcess(_ step: Step) throws(Errno) {
        switch step {
        case .openProc: try openProc()
        case .setSysctl(let name, let value, _): try setSysctl(name, value)
        case .labelExec(let file, let label): try writeProc(file, label)
        case .enterDirectory(let path): try enterDirectory(path)
        case .setLimit(let limit): try setResourceLimit(limit)
        case .setScheduler(let attributes): try Kernel.setScheduler(attributes)
        case .setIOPriority(let priority): try Kernel.setIOPriority(priority)
        case .setAffinity(let mask): try Kernel.setAffinity(mask: mask)
        case .setPersonality(let persona): try Kernel.setPersonality(persona)
        case .setMemoryPolicy(let mode, let nodes): try Kernel.setMemoryPolicy(mode: mode, nodes: nodes)
        case .setFileCreationMask(let mask): Kernel.setFileCreationMask(mask)
        case .ownStreams(let uid): try ownStreams(uid: uid)
        case .limitBoundingSet(let mask): try limitBoundingSet(mask)
        case .setIdentity(let identity): try setIdentity(identity)
        case .setCapabilities(let masks): try Kernel.setCapabilities(masks)
        case .raiseAmbient(let mask): try raiseAmbient(mask)
        case .setNoNewPrivileges: try Kernel.setNoNewPrivileges()
        case .findProgram(let name, let searchPath): try findProgram(name, searchPath: searchPath)
        case .loadSeccomp(let filter, let flags): _ = try loadSeccompFilter(filter, flags: flags)
        case .loadSeccompWithListener(let filter, let flags):
            handles.insert(FileDescriptor(owning: try loadSeccompFilter(filter, flags: flags)), as: .listener)
        case .handOverListener: try handOverListener()
        default: throw .noSystemCall  // every other step is in one of the two lists above
        }
    }
}
