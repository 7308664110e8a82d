import Testing

/// The graph of Sources/README.md. SwiftPM holds what a module may link; this holds what a file may import.
private let allowedImports: [String: Set<String>] = [
    "Diagnostics": ["CKernel"],
    "Kernel": ["CKernel", "Diagnostics"],
    "UntrustedTree": ["Kernel", "Diagnostics"],
    "JSON": ["CJSONC", "Diagnostics"],
    "OCISpec": ["JSON", "Diagnostics"],
    "Cgroups": ["OCISpec", "Kernel", "Diagnostics"],
    "Seccomp": ["OCISpec", "Kernel", "CSeccomp", "Diagnostics"],
    "Criu": ["Kernel", "Diagnostics"],
    "ContainerInit": ["UntrustedTree", "Kernel", "CCapability", "Diagnostics"],
    "ContainerRuntime": ["Cgroups", "Seccomp", "Criu", "ContainerInit", "OCISpec", "JSON", "UntrustedTree", "Kernel", "Diagnostics"],
    "ImageUnpack": ["OCISpec", "JSON", "UntrustedTree", "Kernel", "CThread", "CISAL", "CZlib", "CZstd", "CCrypto", "Diagnostics"],
    "CLI": ["Kernel", "Diagnostics"],
    "cale": ["CLI", "ContainerRuntime", "Criu", "OCISpec", "JSON", "Kernel", "Diagnostics"],
    "calque": ["CLI", "ImageUnpack", "OCISpec", "JSON", "Kernel", "Diagnostics"],
]

@Suite("The import graph is the security policy")
struct ImportGraphTests {
    @Test("every file imports only what its module may")
    func imports() throws {
        var broken: [String] = []
        var seen: Set<String> = []
        for file in try SourceFile.all() {
            let allowed = try #require(allowedImports[file.module], "module \(file.module) is not in the graph")
            seen.insert(file.module)
            for line in file.code {
                guard let match = line.text.firstMatch(of: /^\s*(?:public |package |internal |private |@[A-Za-z_]+ )*import\s+([A-Za-z0-9_]+)/) else { continue }
                if !allowed.contains(String(match.1)) { broken.append("\(file.path):\(line.number): \(match.1)") }
            }
        }
        #expect(broken.isEmpty)
        #expect(seen == Set(allowedImports.keys), "every module of the graph has sources")
    }

    @Test("what runs inside the container knows neither JSON nor the specification")
    func initZone() throws {
        let words = /\b(?:JSONValue|JSONObject|JSONDocument|RuntimeConfig|OperationError|environmentVariable)\b/
        let files = try SourceFile.all().filter { $0.path.hasPrefix("ContainerInit/") }
        #expect(!files.isEmpty)
        #expect(violations(of: words, in: files).isEmpty)
    }
}
