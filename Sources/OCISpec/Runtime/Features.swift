package import JSON

/// What this runtime implements, whatever the host has.
///
/// Nil means "not said" and is left out of the text; an empty list means "none" (RT-features-004).
/// Source: features.md (RT-features-001 to RT-features-021).
package struct Features: Equatable, Sendable {
    package var ociVersionMin: String
    package var ociVersionMax: String
    package var hooks: [String]?
    package var mountOptions: [String]?
    package var linux: LinuxFeatures?
    package var annotations: StringMap?
    /// Keys of `annotations` in a configuration that change what the runtime does; one that ends in "." is a prefix.
    package var potentiallyUnsafeConfigAnnotations: [String]?

    package init(ociVersionMin: String = Version.oldest, ociVersionMax: String = Version.supported) {
        self.ociVersionMin = ociVersionMin
        self.ociVersionMax = ociVersionMax
    }

    /// Writes the structure as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ociVersionMin", ociVersionMin)
            writer.member("ociVersionMax", ociVersionMax)
            writer.optional("hooks", hooks)
            writer.optional("mountOptions", mountOptions)
            if let linux {
                writer.key("linux")
                linux.write(to: &writer)
            }
            if let annotations {
                writer.key("annotations")
                annotations.write(to: &writer)
            }
            writer.optional("potentiallyUnsafeConfigAnnotations", potentiallyUnsafeConfigAnnotations)
        }
    }

    /// The structure as JSON text.
    package func text(indentation: Int = 4) -> String {
        var writer = JSONWriter(indentation: indentation)
        write(to: &writer)
        return writer.text
    }
}

extension JSONWriter {
    /// A member with a list of strings; nothing at all for nil.
    mutating func optional(_ key: String, _ values: [String]?) {
        if let values { member(key, values) }
    }

    /// A member with true or false; nothing at all for nil.
    mutating func optional(_ key: String, _ value: Bool?) {
        if let value { member(key, value) }
    }
}
