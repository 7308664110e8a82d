// A container between commands. Only what cannot be seen is stored: what runs is asked of the kernel each time, and what was planned is
// planned again from the stored configuration.
// The file is read in another program's memory, perhaps a later version of this one: it has the version of its form.
package import Cgroups
package import Diagnostics
package import JSON
package import OCISpec

/// What is remembered of a container between commands: `state.json` in its state directory.
///
/// Written before anything is made on the host (`pid` 0), so that `delete --force` finds everything after a crash at any
/// moment, and again when the container is created.
package struct StoredState: Equatable, Sendable {
    /// The version of this file's form.
    package static var formVersion: Int { 1 }

    package var id: String
    package var ociVersion: String
    /// 0 while the container is being created.
    package var pid: Int32 = 0
    /// With `bootID`, tells the init from a later process with its pid.
    package var startTicks: UInt64 = 0
    package var bootID: String = ""
    /// Absolute.
    package var bundle: String
    /// Absolute.
    package var rootfs: String
    /// Nanoseconds since 1970.
    package var createdNanoseconds: Int64
    package var ownerUID: UInt32
    package var annotations = StringMap()
    /// Absolute cgroup directories, one a hierarchy; empty without cgroups.
    package var cgroupDirectories: [String] = []
    /// Directories above them that were made for this container.
    package var cgroupParents: [String] = []
    /// The resctrl groups that each process of the container joins, in this order.
    package var resctrlGroups: [String] = []
    /// Those that are removed with the container, the inner one first.
    package var resctrlMade: [String] = []
    /// The scope of systemd's whose directory it is.
    package var unit: SystemdUnit?
    package var hasOwnPIDNamespace = false
    /// Whether its processes get a session keyring of the container's own; what `--no-new-keyring` turns off.
    package var makesKeyring = true
    /// Whether the configuration says what to start.
    package var hasProcess = true
    /// Whether hooks run in the container when it is started.
    package var hasStartHooks = false
    /// Whether criu made it: then its processes have a time namespace that the configuration does not tell of.
    package var wasRestored = false
    /// Whether programs may be killed for lack of memory while they are executed.
    package var isShortOfMemory = false
    package var hooks = Hooks()

    package init(id: String, ociVersion: String, bundle: String, rootfs: String, createdNanoseconds: Int64, ownerUID: UInt32) {
        self.id = id
        self.ociVersion = ociVersion
        self.bundle = bundle
        self.rootfs = rootfs
        self.createdNanoseconds = createdNanoseconds
        self.ownerUID = ownerUID
    }
}

extension StoredState {
    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("formVersion", Self.formVersion)
            writer.member("id", id)
            writer.member("ociVersion", ociVersion)
            writer.member("pid", pid)
            writer.member("startTicks", startTicks)
            writer.member("bootID", bootID)
            writer.member("bundle", bundle)
            writer.member("rootfs", rootfs)
            writer.member("created", createdNanoseconds)
            writer.member("owner", ownerUID)
            writer.member("ownPIDNamespace", hasOwnPIDNamespace)
            if !makesKeyring { writer.member("keyring", false) }
            if !hasProcess { writer.member("process", false) }
            if hasStartHooks { writer.member("startHooks", true) }
            if wasRestored { writer.member("restored", true) }
            if isShortOfMemory { writer.member("shortOfMemory", true) }
            writer.member("cgroups", cgroupDirectories)
            writer.member("cgroupParents", cgroupParents)
            if !resctrlGroups.isEmpty { writer.member("resctrl", resctrlGroups) }
            if !resctrlMade.isEmpty { writer.member("resctrlMade", resctrlMade) }
            if let unit {
                writer.key("systemd")
                writer.object { writer in
                    writer.member("unit", unit.name)
                    writer.member("bus", unit.bus.path)
                }
            }
            if !annotations.isEmpty {
                writer.key("annotations")
                annotations.write(to: &writer)
            }
            writer.key("hooks")
            writer.object { writer in
                Self.write(hooks.poststart, as: "poststart", to: &writer)
                Self.write(hooks.poststop, as: "poststop", to: &writer)
            }
        }
        return writer.text + "\n"
    }

    private static func write(_ hooks: [Hook], as key: String, to writer: inout JSONWriter) {
        if hooks.isEmpty { return }
        writer.key(key)
        writer.array { writer in
            for hook in hooks {
                writer.object { writer in
                    writer.member("path", hook.path)
                    if !hook.args.isEmpty { writer.member("args", hook.args) }
                    if !hook.env.isEmpty { writer.member("env", hook.env) }
                    if let timeout = hook.timeout { writer.member("timeout", timeout) }
                }
            }
        }
    }

    package init(_ object: JSONObject) throws(OperationError) {
        let form: Int = try object.required("formVersion") { (value) throws(OperationError) in try value.integer() }
        guard form == Self.formVersion else {
            throw OperationError("read", "", .unsupported("the state file of another version of this program (form \(form))"), field: "formVersion")
        }
        func integer<Value: FixedWidthInteger>(_ key: String) throws(OperationError) -> Value {
            try object.required(key) { (value) throws(OperationError) in try value.integer() }
        }
        self.init(
            id: try object.requiredString("id"), ociVersion: try object.requiredString("ociVersion"),
            bundle: try object.requiredString("bundle"), rootfs: try object.requiredString("rootfs"),
            createdNanoseconds: try integer("created"), ownerUID: try integer("owner"))
        pid = try integer("pid")
        startTicks = try integer("startTicks")
        bootID = try object.requiredString("bootID")
        hasOwnPIDNamespace = try object.boolean("ownPIDNamespace") ?? false
        makesKeyring = try object.boolean("keyring") ?? true
        hasProcess = try object.boolean("process") ?? true
        hasStartHooks = try object.boolean("startHooks") ?? false
        wasRestored = try object.boolean("restored") ?? false
        isShortOfMemory = try object.boolean("shortOfMemory") ?? false
        cgroupDirectories = try object.strings("cgroups") ?? []
        cgroupParents = try object.strings("cgroupParents") ?? []
        resctrlGroups = try object.strings("resctrl") ?? []
        resctrlMade = try object.strings("resctrlMade") ?? []
        unit = try object.object("systemd") { (object) throws(OperationError) in
            SystemdUnit(name: try object.requiredString("unit"), bus: DBusAddress(path: try object.requiredString("bus")))
        }
        annotations = try object.optional("annotations") { (value) throws(OperationError) in try StringMap(value) } ?? StringMap()
        hooks = try object.object("hooks") { (object) throws(OperationError) in try Hooks(object) } ?? Hooks()
    }
}
