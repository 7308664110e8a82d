import UntrustedTree

/// What an entry's name asks for. Source: layer.md "Whiteouts".
enum EntryAction: Equatable {
    case make(InRootPath)
    /// Hides the entry `path` of lower layers.
    case hide(InRootPath)
    /// Hides everything in the directory `path` of lower layers.
    case hideChildren(InRootPath)
    /// A note of aufs to itself, such as ".wh..wh.plnk".
    case ignore

    /// - Throws: for a name that is no path, or that only looks like a whiteout.
    init(_ name: [UInt8]) throws(TarFault) {
        guard let path = InRootPath(bytes: name) else {
            throw TarFault(why: "the name is longer than a path may be, or contains a NUL byte")
        }
        let prefix = Array(".wh.".utf8)
        // notes of aufs to itself in directories of its own, such as ".wh..wh.plnk/1.2"
        if path.parent.components.contains(where: { Self.isNote($0) }) {
            self = .ignore
            return
        }
        if path.parent.components.contains(where: { $0.starts(with: prefix) }) { throw TarFault(why: "a directory in its name begins with \".wh.\"") }
        guard let last = path.lastComponent, last.starts(with: prefix) else {
            self = .make(path)
            return
        }
        if last.elementsEqual(".wh..wh..opq".utf8) {
            self = .hideChildren(path.parent)
        } else if Self.isNote(last) {
            self = .ignore
        } else if let hidden = path.parent.appending(Array(last.dropFirst(prefix.count))) {
            self = .hide(hidden)
        } else {
            throw TarFault(why: "what it hides is no name")
        }
    }

    private static func isNote(_ name: [UInt8]) -> Bool { name.starts(with: ".wh..wh.".utf8) && !name.elementsEqual(".wh..wh..opq".utf8) }
}
