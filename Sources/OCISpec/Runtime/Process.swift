// The container process and its user, and how they are read alone, for `exec --process FILE`.
//
// The process' properties that have a structure of their own are in ResourceLimit, Capabilities, Scheduler, IOPriority and
// ExecCPUAffinity. What capability names mean is not known here.
package import Diagnostics
package import JSON

/// The size of a terminal in characters.
package struct ConsoleSize: Equatable, Sendable {
    package var height: UInt64
    package var width: UInt64

    package init(height: UInt64, width: UInt64) {
        self.height = height
        self.width = width
    }

    init(_ object: JSONObject) throws(OperationError) {
        height = try object.required("height") { (value) throws(OperationError) in try value.integer() }
        width = try object.required("width") { (value) throws(OperationError) in try value.integer() }
    }
}

/// Whom the process runs as; all ids are those of the container's user namespace.
///
/// Source: config.md "POSIX-platform User" (RT-config-152 to RT-config-155).
package struct User: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// Nil: the umask of the caller stays.
    package var umask: UInt32?
    package var additionalGids: [UInt32]

    package init(uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.umask = umask
        self.additionalGids = additionalGids
    }

    init(_ object: JSONObject) throws(OperationError) {
        uid = try object.required("uid") { (value) throws(OperationError) in try value.integer() }
        gid = try object.required("gid") { (value) throws(OperationError) in try value.integer() }
        umask = try object.integer("umask")
        additionalGids = try object.array("additionalGids") { (value) throws(OperationError) in try value.integer() } ?? []
    }

    func validate(at field: @autoclosure () -> String) throws(OperationError) {
        // (uid_t) -1 means "leave it as it is" to setresuid(2): the process would keep the caller's id.
        if uid == .max { throw .fault(field() + ".uid", "\(uid) is not a user id") }
        if gid == .max { throw .fault(field() + ".gid", "\(gid) is not a group id") }
        if let umask, umask > 0o777 { throw .fault(field() + ".umask", "\(umask) is above 511 (octal 777)") }
        for (index, gid) in additionalGids.enumerated() where gid == .max {
            throw .fault("\(field()).additionalGids[\(index)]", "\(gid) is not a group id")
        }
    }
}

/// The container process.
///
/// Source: config.md "Process" (RT-config-099 to RT-config-155).
package struct Process: Equatable, Sendable {
    /// Whether a pseudoterminal is made for the process.
    package var terminal: Bool
    /// The terminal's size; nil without a terminal, whatever the configuration says (RT-config-103).
    package var consoleSize: ConsoleSize?
    /// The working directory, absolute.
    package var cwd: String
    /// The whole environment as NAME=value.
    package var env: [String]
    /// The whole argv; empty when the configuration has none. Only `start` needs it (RT-config-110): see `RuntimeConfig.requireProcess`.
    package var args: [String]
    /// One entry per type, in the order of the text.
    package var rlimits: [ResourceLimit]
    package var apparmorProfile: String?
    /// Nil when the configuration says nothing about capabilities.
    package var capabilities: Capabilities?
    package var noNewPrivileges: Bool
    /// -1000 to 1000; nil: the caller's value stays (RT-config-134).
    package var oomScoreAdj: Int32?
    package var scheduler: Scheduler?
    package var selinuxLabel: String?
    package var ioPriority: IOPriority?
    /// For `exec` only; not for the container's first process (config.md "execCPUAffinity").
    package var execCPUAffinity: ExecCPUAffinity?
    /// Root when the configuration has no `user`.
    package var user: User

    package init(args: [String], cwd: String = "/", env: [String] = [], user: User = User()) {
        self.terminal = false
        self.cwd = cwd
        self.env = env
        self.args = args
        self.rlimits = []
        self.noNewPrivileges = false
        self.user = user
    }

    package init(_ object: JSONObject) throws(OperationError) {
        terminal = try object.boolean("terminal") ?? false
        let size = try object.object("consoleSize", ConsoleSize.init)
        consoleSize = terminal ? size : nil
        cwd = try object.requiredString("cwd")
        env = try object.strings("env") ?? []
        do throws(OperationError) { args = try object.strings("args") ?? [] } catch {
            var error = error
            if error.hint == nil, error.field?.hasSuffix("args") ?? false { error.hint = "each word is an entry of its own: [\"sh\", \"-c\", \"ls -l\"]" }
            throw error
        }
        rlimits = try object.objects("rlimits", ResourceLimit.init)
        apparmorProfile = try object.nonEmptyString("apparmorProfile")
        capabilities = try object.object("capabilities", Capabilities.init)
        noNewPrivileges = try object.boolean("noNewPrivileges") ?? false
        oomScoreAdj = try object.integer("oomScoreAdj")
        scheduler = try object.object("scheduler", Scheduler.init)
        selinuxLabel = try object.nonEmptyString("selinuxLabel")
        ioPriority = try object.object("ioPriority", IOPriority.init)
        execCPUAffinity = try object.object("execCPUAffinity", ExecCPUAffinity.init)
        user = try object.object("user", User.init) ?? User()
    }

    /// Reads a file that holds one `process` object, as for `exec --process FILE`, and checks it.
    ///
    /// - Throws: `.invalid` and `.unsupported` with paths from the object itself: "cwd", "args[0]".
    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> Process {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in
            let process = try Process(try value.object())
            try process.validate(at: "")
            if process.args.isEmpty { throw .fault("args", "at least one entry is required") }
            return process
        }
    }
}

extension Process {
    /// Checks what can be checked without looking at the host.
    ///
    /// - Parameter field: where the process stands; "" for a file of its own.
    package func validate(at field: @autoclosure () -> String = "process") throws(OperationError) {
        func path(_ name: String) -> String { field().isEmpty ? name : field() + "." + name }
        if let size = consoleSize {
            // struct winsize has 16 bits for each.
            if size.height > 65535 { throw .fault(path("consoleSize.height"), "\(size.height) is above 65535") }
            if size.width > 65535 { throw .fault(path("consoleSize.width"), "\(size.width) is above 65535") }
        }
        try user.validate(at: path("user"))
        try requireAbsolute(cwd, at: path("cwd"))
        try validateEnvironment(at: path("env"))
        try ResourceLimit.validate(rlimits, at: path("rlimits"))
        if let score = oomScoreAdj, score < -1000 || score > 1000 {
            throw .fault(path("oomScoreAdj"), "\(score) is not between -1000 and 1000")
        }
        try scheduler?.validate(at: path("scheduler"))
        try ioPriority?.validate(at: path("ioPriority"))
    }

    private func validateEnvironment(at field: @autoclosure () -> String) throws(OperationError) {
        for (index, entry) in env.enumerated() {
            guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")) else {
                throw .fault("\(field())[\(index)]", "\(quoted(entry)) has no \"=\"", hint: "write NAME=value")
            }
            if equals == entry.utf8.startIndex { throw .fault("\(field())[\(index)]", "\(quoted(entry)) has no name before \"=\"") }
        }
    }
}
