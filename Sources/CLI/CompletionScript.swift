// Scripts that complete a program's command line in a shell. Each shell has a file; what they share is here.

extension Program {
    /// A script that makes `shell` complete the program under the name by which it was called.
    package func completionScript(_ shell: Shell) -> String {
        switch shell {
        case .bash: bashCompletion()
        case .zsh: zshCompletion()
        case .fish: fishCompletion()
        }
    }

    /// The invoked name as part of a shell function's name.
    var shellIdentifier: String {
        String(decoding: invokedName.utf8.map { isNameByte($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    default: byte == UInt8(ascii: "_")
    }
}

/// `text` as one word of a Bourne-like shell.
func shellQuoted(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { isNameByte($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
    return isPlain ? text : "'" + replacing("'", in: text, by: "'\\''") + "'"
}
