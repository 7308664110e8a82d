// What an image says about running it, as a configuration of a container.
// Source: conversion.md of the image specification.
import Diagnostics
package import OCISpec

/// How an image is turned into a configuration, besides what it says itself.
package struct ConversionOptions: Equatable, Sendable {
    package var isRootless = false
    package var hostUID: UInt32 = 0
    package var hostGID: UInt32 = 0
    /// The ids of the user namespace, where there are more than the caller's own.
    package var mappings: IDMappings?
    package var terminal = true
    /// Whether labels are copied that mean something to a runtime.
    package var trustsLabels = false

    /// Instead of the image's Cmd.
    package var command: [String]?
    /// "NAME=value", instead of the image's of that name or besides them.
    package var env: [String] = []
    /// Nil: a network of its own for root, the host's for everybody else.
    package var network: NetworkChoice?

    package init() {}
}

/// What becomes of an image's configuration.
struct ConvertedConfiguration: Equatable {
    var template: RuntimeTemplate
    var warnings: [String] = []
}

extension ImageConfig {
    /// - Parameter accounts: the users and groups of the image's rootfs.
    func converted(_ options: ConversionOptions, accounts: AccountFiles, volumes: [PlannedVolume]) throws(OperationError) -> ConvertedConfiguration {
        var result = ConvertedConfiguration(template: RuntimeTemplate(isRootless: options.isRootless, hostUID: options.hostUID, hostGID: options.hostGID))
        var template = result.template
        template.terminal = options.terminal
        template.isRootReadOnly = false
        template.capabilities = Self.capabilities
        if let user = execution.user { template.user = try accounts.user(user) }
        if options.isRootless && options.mappings == nil && (template.user.uid != 0 || template.user.gid != 0) {
            result.warnings.append("the image wants the user \(template.user.uid):\(template.user.gid), and an unprivileged user has one id to give: it runs as root of its user namespace")
            template.user = User()
        }
        if options.isRootless && options.mappings == nil { template.user.additionalGids = [] }
        if let mappings = options.mappings { (template.uidMappings, template.gidMappings) = (mappings.uids, mappings.gids) }
        template.network = options.network
        let command = execution.entrypoint + (options.command ?? execution.cmd)
        if command.isEmpty { result.warnings.append("the image names no program: \"sh\" it is") } else { template.args = command }
        template.env = environment(home: accounts.home(of: template.user.uid), overrides: options.env)
        template.cwd = execution.workingDir.map { $0.hasPrefix("/") ? $0 : "/" + $0 } ?? "/"
        template.mounts = volumes.map { $0.mount }
        template.annotations = annotations(trustsLabels: options.trustsLabels, warnings: &result.warnings)
        result.template = template
        return result
    }

    /// What container engines give to a root that they do not trust.
    private static var capabilities: [String] {
        [
            "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE",
            "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
        ]
    }

    /// The image's environment; what it leaves out and programs need is added, nothing is changed.
    private func environment(home: String?, overrides: [String]) -> [String] {
        // an entry without "=" or without a name is none: execve(2) would hand it on, and nothing could read it
        var env = execution.env.filter { ($0.utf8.firstIndex(of: UInt8(ascii: "=")) ?? $0.startIndex) != $0.startIndex }
        for override in overrides {
            let name = override.prefix { $0 != "=" } + "="
            env.removeAll { $0.hasPrefix(name) }
            env.append(override)
        }
        func add(_ name: String, _ value: String) {
            if !env.contains(where: { $0.hasPrefix(name + "=") }) { env.append(name + "=" + value) }
        }
        add("PATH", RuntimeTemplate.searchPath)
        add("TERM", "xterm")
        add("HOME", home ?? "/")
        return env
    }

    private func annotations(trustsLabels: Bool, warnings: inout [String]) -> StringMap {
        var entries: [StringMap.Entry] = []
        for label in execution.labels.entries {
            if !trustsLabels && Self.steers(label.key) {
                warnings.append("the label \(quoted(label.key)) would steer the runtime and is left out; --trust-labels keeps it")
            } else {
                entries.append(label)
            }
        }
        func add(_ key: String, _ value: String?) {
            let name = "org.opencontainers.image." + key
            guard let value, !value.isEmpty, execution.labels[name] == nil else { return }
            entries.append(StringMap.Entry(name, value))
        }
        add("os", platform.os)
        add("architecture", platform.architecture)
        add("variant", platform.variant)
        add("os.version", osVersion)
        add("os.features", osFeatures.joined(separator: ","))
        add("author", author)
        add("created", created)
        add("stopSignal", execution.stopSignal)
        add("exposedPorts", execution.exposedPorts.joined(separator: ","))
        return StringMap(entries)
    }

    /// Annotations that runtimes act on, those with virtual machines among them: an image must not choose properties of a systemd unit of the host,
    /// nor how a sandbox around it is made.
    private static func steers(_ key: String) -> Bool {
        [
            "org.systemd.property.", "run.oci.", "io.cale.", "org.criu.", "io.kubernetes.cri-o.", "io.containers.", "io.katacontainers.", "dev.gvisor.",
            "module.wasm.", "krun.",
        ].contains { key.hasPrefix($0) }
    }
}
