import Kernel

/// What an entry of an archive is.
enum TarKind: Equatable, Sendable {
    case regular, hardLink, symbolicLink, characterDevice, blockDevice, directory, fifo
}

/// A stretch of a sparse file that has data.
struct TarExtent: Equatable {
    var offset: Int64
    var size: Int64
}

/// One entry, with everything that long names and extended headers add.
struct TarEntry: Equatable {
    /// As in the archive: bytes, not resolved.
    var name: [UInt8]
    var kind: TarKind
    /// The target of a link, as in the archive.
    var linkTarget: [UInt8]
    /// Permission bits with set-id and sticky.
    var permissions: UInt32
    var uid: UInt32
    var gid: UInt32
    var modified: TimeStamp
    var accessed: TimeStamp?
    var major: UInt32
    var minor: UInt32
    /// Bytes that follow in the archive.
    var storedSize: Int64
    /// Bytes of the file.
    var size: Int64
    /// Where the stored bytes belong; nil for a file without holes.
    var extents: [TarExtent]?
    var attributes: [TarAttribute]

    /// The name for people; bytes that are no UTF-8 are replaced.
    var text: String { String(decoding: name, as: UTF8.self) }
}

/// An extended attribute of an entry.
struct TarAttribute: Equatable, Sendable {
    var name: String
    var value: [UInt8]
}
