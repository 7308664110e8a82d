// Which process `exec` starts: that of the container, or of a file, with the changes of the command line.
import Diagnostics
import Kernel
import OCISpec

/// What the command line of `exec` says about the process; nil and empty leave things as they are.
package struct ProcessChanges: Equatable, Sendable {
    package var arguments: [String] = []
    package var cwd: String?
    /// NAME=value; of entries with one name the last one holds.
    package var environment: [String] = []
    package var terminal: Bool?
    /// "USER" or "USER:GROUP", each a name or a number.
    package var user: String?
    /// Added to those that are there.
    package var additionalGroups: [UInt32] = []
    package var selinuxLabel: String?
    package var apparmorProfile: String?
    package var noNewPrivileges: Bool?
    /// Added to the bounding, effective and permitted sets, and to the ambient one where the container has them inheritable:
    /// inheritable capabilities are the configuration's alone (CVE-2022-29162).
    package var capabilities: [String] = []
    package init() {}

    /// The process of `config.json` with these changes. It has a terminal only if that is asked for here, as with runc.
    ///
    /// - Parameter users: finds the ids of names.
    func process(of config: RuntimeConfig, users: borrowing ContainerUsers) throws(OperationError) -> Process {
        guard var process = config.process else {
            throw OperationError(
                "exec", "", .invalid("the container's config.json has no process that could be taken for a pattern"), field: "process",
                hint: "use --process FILE")
        }
        process.terminal = terminal ?? false
        if !process.terminal { process.consoleSize = nil }
        process.args = arguments
        try apply(to: &process, users: users)
        return process
    }

    /// The process of a file, with these changes. What the file leaves open is as in `config.json`, but for the
    /// terminal and the limits: without `rlimits` the process has the caller's, as with runc and crun.
    func process(from file: Process, of config: RuntimeConfig, users: borrowing ContainerUsers) throws(OperationError) -> Process {
        var process = file
        if let own = config.process {
            if process.capabilities == nil { process.capabilities = own.capabilities }
            if process.apparmorProfile == nil { process.apparmorProfile = own.apparmorProfile }
            if process.selinuxLabel == nil { process.selinuxLabel = own.selinuxLabel }
            if process.oomScoreAdj == nil { process.oomScoreAdj = own.oomScoreAdj }
            if process.scheduler == nil { process.scheduler = own.scheduler }
            if process.ioPriority == nil { process.ioPriority = own.ioPriority }
            if process.execCPUAffinity == nil { process.execCPUAffinity = own.execCPUAffinity }
            if process.user.umask == nil { process.user.umask = own.user.umask }
        }
        if let terminal { process.terminal = terminal }
        try apply(to: &process, users: users)
        return process
    }

    private func apply(to process: inout Process, users: borrowing ContainerUsers) throws(OperationError) {
        if let cwd { process.cwd = cwd }
        process.env = withoutDuplicates(process.env + environment)
        if let user {
            let found = try users.resolve(try UserOption(user))
            process.user.uid = found.uid
            process.user.gid = found.gid
            process.user.additionalGids = found.groups
        }
        process.user.additionalGids += additionalGroups
        if let selinuxLabel { process.selinuxLabel = selinuxLabel }
        if let apparmorProfile { process.apparmorProfile = apparmorProfile }
        if let noNewPrivileges { process.noNewPrivileges = noNewPrivileges }
        if !capabilities.isEmpty {
            var sets = process.capabilities ?? Capabilities()
            sets.bounding += capabilities
            sets.effective += capabilities
            sets.permitted += capabilities
            sets.ambient += capabilities.filter { sets.inheritable.contains($0) }
            process.capabilities = sets
        }
        if lacksHome(process.env) {
            process.env = process.env.filter { !$0.hasPrefix("HOME=") } + ["HOME=" + users.home(of: process.user.uid)]
        }
        try process.validate()
    }
}
