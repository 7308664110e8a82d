// Compiled filters by content. libseccomp takes tens of milliseconds for a large profile; a filter is a few kilobytes.
//
// An entry is a file: the length of its key, the key, the filter. The name is a short hash of the key; the key itself is
// compared in full, so that two profiles of one name share nothing. An entry is believed only as a regular file of the
// caller's own that nobody else can write. Trouble of any kind means: compile, and do without.
package import Diagnostics
package import Kernel
package import OCISpec

/// The most entries; a full cache is emptied. A host has a handful of profiles.
private var entryLimit: Int { 64 }

/// Compiles `profile`, or finds what an earlier call compiled.
///
/// - Parameter cache: a directory of the caller's own.
/// - Throws: as `compileSeccomp(_:)`; never for the cache's sake.
package func compileSeccomp(_ profile: LinuxSeccomp, cache: borrowing FileDescriptor) throws(OperationError) -> SeccompProgram {
    let key = profile.cacheKey
    let name = Path(entryName(of: key))
    if let filter = filter(named: name, key: key, in: cache) {
        return SeccompProgram(filter: filter, flags: profile.flagBits, usesListener: profile.usesListener)
    }
    let program = try compileSeccomp(profile)
    do throws(Errno) { try store(program.filter, named: name, key: key, in: cache) } catch {}  // the next call compiles again
    return program
}

private func filter(named name: Path, key: [UInt8], in cache: borrowing FileDescriptor) -> [UInt8]? {
    do throws(Errno) {
        let file = try cache.open(name, [.readOnly, .noFollow, .nonBlocking])
        let status = try file.status()
        guard status.kind == .regular, status.uid == effectiveUserID(), status.mode & 0o022 == 0 else { return nil }
        let bytes = try file.readAll(limit: 4 << 20)
        let start = 8 + key.count
        guard bytes.count > start, (bytes.count - start) % 8 == 0, Array(bytes[0..<8]) == word(UInt64(key.count)),
            bytes[8..<start].elementsEqual(key)
        else { return nil }
        return Array(bytes[start...])
    } catch {
        return nil
    }
}

private func store(_ filter: [UInt8], named name: Path, key: [UInt8], in cache: borrowing FileDescriptor) throws(Errno) {
    let entries = try cache.entries()
    if entries.count >= entryLimit {
        for entry in entries {
            guard let old = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
            try cache.remove(old)
        }
    }
    try cache.makeFile(name, word(UInt64(key.count)) + key + filter, permissions: 0o600)
}

/// FNV-1a, 64 bits, in hexadecimal: a name, not a proof.
private func entryName(of key: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

private func word(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

extension LinuxSeccomp {
    /// Everything on which the filter depends, unambiguously: lists are preceded by their count, texts end in NUL.
    var cacheKey: [UInt8] {
        var key = Array("cale-2 libseccomp-\(libseccompVersion()) arch-\(nativeArchitecture()) ".utf8)
        func add(_ number: UInt64) { key += word(number) }
        func add(_ text: String) {
            key += text.utf8
            key.append(0)
        }
        add(UInt64(defaultAction.value(errno: defaultErrnoRet)))
        add(UInt64(architectures.count))
        for architecture in architectures { add(architecture.name) }
        add(UInt64(syscalls.count))
        for rule in syscalls {
            add(UInt64(rule.action.value(errno: rule.errnoRet)))
            add(UInt64(rule.names.count))
            for name in rule.names { add(name) }
            add(UInt64(rule.args.count))
            for argument in rule.args {
                add(UInt64(argument.index))
                add(argument.value)
                add(argument.valueTwo)
                add(argument.op.name)
            }
        }
        return key
    }
}
