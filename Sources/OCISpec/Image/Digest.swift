package import Diagnostics

/// What a digest was made with. Source: descriptor.md "Registered algorithms".
package enum DigestAlgorithm: String, Sendable {
    case sha256, sha512

    /// The length of the hexadecimal form.
    package var digits: Int { self == .sha256 ? 64 : 128 }
}

/// The name of a content: an algorithm and what it made of the bytes.
///
/// Only registered algorithms that we can check exist here, so that no digest is ever believed unseen, and only lower-case
/// hexadecimal digits, so that a digest is always one plain name of a file.
/// Source: descriptor.md "Digests" (IM-descriptor).
package struct Digest: Hashable, Sendable {
    package let algorithm: DigestAlgorithm
    /// Lower-case hexadecimal.
    package let encoded: String

    package init(_ algorithm: DigestAlgorithm, encoded: String) {
        self.algorithm = algorithm
        self.encoded = encoded
    }

    /// - Parameter field: where the digest stands, for the error.
    package init(_ text: String, field: @autoclosure () -> String) throws(OperationError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .fault(field(), "\(quoted(text)) is not a digest: it must look like sha256:… ") }
        guard let algorithm = DigestAlgorithm(rawValue: String(parts[0])) else {
            throw .unsupported(field(), "the digest algorithm \(quoted(String(parts[0])))", hint: "known: sha256, sha512")
        }
        let isHexadecimal = parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard parts[1].utf8.count == algorithm.digits, isHexadecimal else {
            throw .fault(field(), "\(quoted(text)) is not a digest: \(algorithm.rawValue) has \(algorithm.digits) lower-case hexadecimal digits")
        }
        self.init(algorithm, encoded: String(parts[1]))
    }

    /// Whether `text` has the form of a digest, and its algorithm is none of ours (IM-descriptor-021).
    package static func hasUnknownAlgorithm(_ text: String) -> Bool {
        func isLowerCaseOrDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) }
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, DigestAlgorithm(rawValue: String(Substring(parts[0]))) == nil else { return false }
        let separators = Array("+._-".utf8)
        let components = parts[0].split(omittingEmptySubsequences: false) { separators.contains($0) }
        let encoded = parts[1].allSatisfy {
            isLowerCaseOrDigit($0) || (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
        return components.allSatisfy { !$0.isEmpty && $0.allSatisfy(isLowerCaseOrDigit) } && !parts[1].isEmpty && encoded
    }

    /// "sha256:…"
    package var text: String { algorithm.rawValue + ":" + encoded }
}
