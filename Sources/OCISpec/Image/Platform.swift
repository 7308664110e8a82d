package import Diagnostics
import JSON

/// What an image runs on, in Go's words. Source: image-index.md "platform"; config.md.
package struct Platform: Equatable, Sendable {
    package var os: String
    package var architecture: String
    package var variant: String?

    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    init(_ object: JSONObject) throws(OperationError) {
        os = try object.requiredString("os")
        architecture = try object.requiredString("architecture")
        variant = try object.nonEmptyString("variant")
    }

    /// "os/architecture[/variant]", as for `--platform`.
    package init(_ text: String) throws(OperationError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 2 || parts.count == 3, !parts.contains("") else {
            throw OperationError("read", "--platform", .invalid("\(quoted(text)) is not OS/ARCHITECTURE[/VARIANT]"), hint: "for example linux/arm64/v8")
        }
        self.init(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
    }

    /// What this program was built for.
    package static var host: Platform {
        #if arch(x86_64)
        Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
        Platform(os: "linux", architecture: "arm64", variant: "v8")
        #elseif arch(arm)
        Platform(os: "linux", architecture: "arm", variant: "v7")
        #elseif arch(powerpc64le)
        Platform(os: "linux", architecture: "ppc64le")
        #elseif arch(s390x)
        Platform(os: "linux", architecture: "s390x")
        #else
        Platform(os: "linux", architecture: "riscv64")
        #endif
    }

    /// How well an image of `other` serves: 0 not at all, 1 in another variant that may do, 2 just as asked.
    package func suitability(of other: Platform) -> Int {
        guard other.os == os, other.architecture == architecture else { return 0 }
        // arm64 has one variant in practice, and images leave it out
        let plain = { (variant: String?) in self.architecture == "arm64" && variant == "v8" ? nil : variant }
        if plain(other.variant) == plain(variant) { return 2 }
        return variant == nil || other.variant == nil ? 1 : 0
    }

    package var text: String { os + "/" + architecture + (variant.map { "/" + $0 } ?? "") }
}
