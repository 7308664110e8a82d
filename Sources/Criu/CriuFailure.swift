package import Diagnostics
import Kernel

extension CriuProgram {
    /// The version of criu.
    /// - Throws: `.invalid` with criu's words when it does not tell.
    package func version() throws(OperationError) -> CriuVersion {
        let outcome = try converse { _ in CriuRequest(.version) }
        guard outcome.succeeded(.version), let version = outcome.response?.version else { throw failure("ask version of", outcome, log: [], logPath: nil) }
        return version
    }

    /// Refuses what criu, or the kernel below it, cannot do.
    /// - Throws: `.unsupported` with the feature's name.
    package func require(_ feature: CriuFeature, for option: String) throws(OperationError) {
        var request = CriuRequest(.featureCheck)
        request.features = [feature]
        let outcome = try converse { _ in request }
        guard outcome.succeeded(.featureCheck), let response = outcome.response else { throw failure("ask features of", outcome, log: [], logPath: nil) }
        guard response.features.contains(feature) else {
            throw OperationError("apply option", option, .unsupported("what it needs of criu and this kernel (\(feature.name))"))
        }
    }

    /// A failure in criu's own words: the errors at the end of its log, or what it wrote before it had one.
    ///
    /// - Parameters:
    ///   - operation: what was asked of criu: "dump with".
    ///   - log: the errors at the end of the log.
    ///   - logPath: where the log is.
    package func failure(_ operation: String, _ outcome: Outcome, log: [String], logPath: String?) -> OperationError {
        var words = log
        if words.isEmpty { words = CriuLog.errors(in: outcome.said) }
        if words.isEmpty, let message = outcome.response?.errorMessage { words = [message] }
        if words.isEmpty, let last = outcome.said.split(separator: UInt8(ascii: "\n")).last { words = [String(decoding: last, as: UTF8.self)] }
        var why = ""
        for word in words { why += (why.isEmpty ? "it says " : ", ") + quoted(word) }
        if why.isEmpty, let errno = outcome.response?.errno, errno > 0 { why = "\(Errno(errno).explanation) (\(Errno(errno).name))" }
        if why.isEmpty { why = endInWords(outcome.status) }
        return OperationError(operation, path.text, .invalid(why), hint: log.isEmpty ? nil : logPath.map { "its log is " + quoted($0) })
    }
}
