// Copies of the host's mounts for a container with a user namespace of its own. With CAP_SYS_ADMIN there, the container may change the
// attributes of its mounts, and to the kernel a copy that the parent makes is like any other mount: a source that is read-only on the host
// would become writable. What a mount namespace of another user namespace has copied is locked, and so are copies of it: who has no rights
// outside can neither clear ro, nosuid, nodev, noexec and the access times there, nor take away mounts that hide something.
// The parent makes the copies all the same, since it alone can reach every source: in such a namespace, with its rights outside.
// Source: mount_namespaces(7), "Restrictions on mount namespaces".
import Diagnostics
import Kernel

enum LockedSources {
    /// Copies `sources`, and hands each copy to `receive` with its index in `sources`.
    static func copy(
        _ sources: [ClonedSource], receive: (Int, consuming FileDescriptor) throws(OperationError) -> Void
    ) throws(OperationError) {
        var kinds = NamespaceSet(.user)
        kinds.insert(.mount)
        let holder: NamespaceHolder
        do throws(Errno) { holder = try .begin(in: kinds) } catch {
            throw OperationError(
                "make namespaces", "for the sources of mounts", .errno(error), field: "mounts",
                hint: error == .noSpace ? "the limits in /proc/sys/user are reached" : nil)
        }
        let answers: Result<[Answer], Errno>
        do throws(Errno) { answers = .success(try copies(of: sources, in: holder.pid)) } catch { answers = .failure(error) }
        let early = holder.release()
        switch answers {
        case .failure(let errno): throw OperationError("copy", "the sources of mounts", early ?? .errno(errno), field: "mounts")
        case .success(let answers): try take(answers, for: sources, receive)
        }
    }

    private static func take(
        _ answers: [Answer], for sources: [ClonedSource], _ receive: (Int, consuming FileDescriptor) throws(OperationError) -> Void
    ) throws(OperationError) {
        for (index, source) in sources.enumerated() {
            guard index < answers.count else { throw killed }
            switch answers[index] {
            case .copy(let number): try receive(index, FileDescriptor(owning: number))
            case .failure(let errno): throw refusal(errno, of: source)
            }
        }
    }

    private static var killed: OperationError {
        OperationError("copy", "the sources of mounts", .invalid("a process that helps was killed"), field: "mounts")
    }

    private static func refusal(_ errno: Errno, of source: ClonedSource) -> OperationError {
        let hint = errno == .invalid && !source.recursive
            ? "what mounts below the source hide stays hidden from a user namespace: use \"rbind\", or another source" : nil
        return OperationError("bind mount", source.path.text, .errno(errno), field: "mounts[\(source.index)].source", hint: hint)
    }

    /// The answers for all sources, or for those up to the first that failed.
    private static func copies(of sources: [ClonedSource], in holder: Int32) throws(Errno) -> [Answer] {
        let namespace = try FileDescriptor.namespace(.mount, of: holder)
        // leads to where this process' root is in there
        let root = try FileDescriptor.open(Path("/proc/\(holder)/root"), [.path, .directory])
        let pipe = try FileDescriptor.pipe()
        let child: Int32
        switch try cloneSharingDescriptors() {
        case .child:
            answer(sources, namespace, root, to: pipe.writing)
            exitNow(0)  // closes nothing, which would be closed in the parent
        case .parent(let pid): child = pid
        }
        _ = try waitForChild(child)
        let bytes = try pipe.intoReading().readAll(limit: Answer.size * sources.count)
        return (0..<bytes.count / Answer.size).map { Answer(bytes: bytes[($0 * Answer.size)..<(($0 + 1) * Answer.size)]) }
    }

    /// In a process that shares the descriptors with the parent, and nothing else.
    private static func answer(
        _ sources: [ClonedSource], _ namespace: borrowing FileDescriptor, _ root: borrowing FileDescriptor, to pipe: borrowing FileDescriptor
    ) {
        do throws(Errno) {
            do throws(Errno) {
                try namespace.enterNamespace(.mount)
                try root.makeCurrentDirectory()
                try changeRoot(to: ".")
                for source in sources {
                    let copy = try FileDescriptor.open(source.path, [.path]).cloneTree(recursive: source.recursive)
                    try pipe.write(Answer.copy(copy.relinquish()).bytes)
                }
            } catch {
                try pipe.write(Answer.failure(error).bytes)
            }
        } catch {}  // the parent sees that nothing came
    }
}

/// What became of one source: the number of the copy's descriptor, or why there is none.
private enum Answer {
    case copy(Int32)
    case failure(Errno)

    static var size: Int { 4 }

    init(bytes: ArraySlice<UInt8>) {
        let word = Int32(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
        self = word < 0 ? .failure(Errno(-word)) : .copy(word)
    }

    var bytes: [UInt8] {
        let word = switch self {
        case .copy(let number): number
        case .failure(let errno): -errno.code
        }
        return (0..<Self.size).map { UInt8(truncatingIfNeeded: UInt32(bitPattern: word) >> UInt32(8 * $0)) }
    }
}
