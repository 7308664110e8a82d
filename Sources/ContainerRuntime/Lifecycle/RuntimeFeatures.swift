import Cgroups
import ContainerInit
import Kernel
package import OCISpec
import Seccomp

/// What this runtime can do, for `features`. Source: features.md, features-linux.md.
package func runtimeFeatures(version: String, commit: String) -> Features {
    var features = Features()
    features.hooks = HookPoint.allCases.map({ $0.name })
    features.mountOptions = MountOptions.known
    var linux = LinuxFeatures()
    linux.namespaces = LinuxNamespaceType.allCases.map({ $0.name }).sorted()
    linux.capabilities = (Int32(0)..<64).compactMap { CapabilityNames.name($0) }
    linux.cgroup = LinuxFeatures.Cgroup(v1: true, v2: true, systemd: true, systemdUser: true, rdma: true)
    linux.seccomp = seccompFeatures()
    // the labels are written whenever the kernel takes them
    linux.apparmorEnabled = true
    linux.selinuxEnabled = true
    linux.idmapEnabled = true
    linux.netDevicesEnabled = true
    linux.memoryPolicy = LinuxFeatures.MemoryPolicy(
        modes: LinuxMemoryPolicyMode.allCases.map { $0.name }, flags: LinuxMemoryPolicyFlag.allCases.map { $0.name })
    linux.intelRdt = LinuxFeatures.IntelRdt(enabled: true, schemata: true, monitoring: true)
    features.linux = linux
    features.annotations = StringMap([
        StringMap.Entry("io.cale.version", version), StringMap.Entry("io.cale.commit", commit),
        StringMap.Entry("io.cale.config.annotations", AnnotatedSettings.supported.joined(separator: " ")),
        StringMap.Entry("io.github.seccomp.libseccomp.version", libseccompVersion()),
    ])
    features.potentiallyUnsafeConfigAnnotations = AnnotatedSettings.listed
    return features
}

/// Whether this host has version 2 cgroups alone: there `spec` gives a container a cgroup namespace, as runc has it.
package func hostHasVersion2Cgroups() -> Bool { (try? CgroupSetup.current())?.isPureVersion2 ?? false }

/// The version of the libseccomp that is built in, for `--version`, where runc tells it too.
package func seccompLibraryVersion() -> String { libseccompVersion() }

private func seccompFeatures() -> LinuxFeatures.Seccomp {
    var seccomp = LinuxFeatures.Seccomp(enabled: true)
    seccomp.actions = SeccompAction.allCases.map { $0.name }
    seccomp.operators = SeccompOperator.allCases.map { $0.name }
    seccomp.archs = SeccompArchitecture.allCases.filter { $0.token != nil }.map { $0.name }
    seccomp.knownFlags = SeccompFlag.allCases.map { $0.name }
    seccomp.supportedFlags = SeccompFlag.allCases.filter { isSeccompFlagAvailable($0.bit) }.map { $0.name }
    return seccomp
}
