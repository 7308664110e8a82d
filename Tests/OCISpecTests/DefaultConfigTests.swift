import Foundation
import OCISpec
import Testing

@Suite("The configuration of `cale spec`")
struct DefaultConfigTests {
    private func tree(_ text: String) throws -> NSMutableDictionary {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .mutableContainers)
        return NSMutableDictionary(dictionary: try #require(object as? [String: Any]))
    }

    @Test("has the content of runc's, but for version and host name", arguments: [false, true])
    func sameAsRunc(rootless: Bool) throws {
        let runc = try tree(rootless ? runcSpecRootless : runcSpec)
        runc["ociVersion"] = "1.3.0"
        runc["hostname"] = "cale"
        #expect(try tree(defaultConfiguration(rootless: rootless, uid: 0, gid: 0)) == runc)
    }

    @Test("has a cgroup namespace where the caller wants one", arguments: [false, true])
    func cgroupNamespace(rootless: Bool) throws {
        let config = try parse(defaultConfiguration(rootless: rootless, cgroupNamespace: true, uid: 1000, gid: 1001))
        let without = try parse(defaultConfiguration(rootless: rootless, uid: 1000, gid: 1001))
        #expect(Set(config.linux?.namespaces.map(\.type) ?? []) == Set(without.linux?.namespaces.map(\.type) ?? []).union([.cgroup]))
    }

    @Test("is a configuration that can be started", arguments: [false, true])
    func isValid(rootless: Bool) throws {
        let text = defaultConfiguration(rootless: rootless, uid: 1000, gid: 1001)
        let config = try parse(text)
        #expect(try config.requireProcess().args == ["sh"])
        #expect(config.warnings().isEmpty)
        #expect(config.linux?.uidMappings == (rootless ? [LinuxIDMapping(containerID: 0, hostID: 1000, size: 1)] : []))
        #expect(config.linux?.gidMappings == (rootless ? [LinuxIDMapping(containerID: 0, hostID: 1001, size: 1)] : []))
        #expect(text.hasSuffix("}\n") && text.hasPrefix("{\n    \"ociVersion\": \"1.3.0\",\n"))
    }
}
