// What a tree has that another one has not, and the other way round: two directories are walked side by side.
//
// A flat bundle's tree is compared with the layers unpacked again, the writable layer of an overlay bundle with a mount of the layers
// below: both know what a layer says by the same code that unpacks it, and no record can be out of date.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// What became of one name.
enum FoundDifference: Equatable {
    case missing, added
    case changed(EntryDifference)
}

/// One entry of a new layer.
enum TreeChange: Equatable {
    case hide(InRootPath)
    case put(InRootPath)

    var path: InRootPath {
        switch self {
        case .hide(let path), .put(let path): path
        }
    }
}

/// Compares two trees.
final class TreeDifference {
    private let new: TreeView
    private let old: TreeView
    private let entries: EntryComparison
    /// Entries of the new tree that were looked at.
    private(set) var count = 0
    private(set) var found: [InRootPath: FoundDifference] = [:]
    /// The names of files that have several, in both trees.
    private var newLinks: [FileIdentity: [InRootPath]] = [:]
    private var oldLinks: [FileIdentity: [InRootPath]] = [:]

    /// - Parameter unchangedBefore: the content of a file whose inode is older is taken for unchanged; nil: all contents are read.
    init(of new: TreeView, from old: TreeView, unchangedBefore: TimeStamp?) throws(OperationError) {
        (self.new, self.old) = (new, old)
        entries = EntryComparison(new, old, unchangedBefore: unchangedBefore)
        let roots: (new: OpenParent, old: OpenParent)
        do throws(Errno) {
            roots = (
                try OpenParent(.root, try new.root.open(.root, [.readOnly, .directory])), try OpenParent(.root, try old.root.open(.root, [.readOnly, .directory])))
        } catch {
            throw OperationError("compare", "/", .errno(error))
        }
        try look(at: .root, ".", roots.new, roots.new.status, roots.old, roots.old.status)
        try walk(roots.new, roots.old, isMerged: new.form != .flat)
        addLinks()
    }

    /// - Parameter isMerged: names that the new directory lacks are the old one's, as in an overlay mount.
    private func walk(_ directory: OpenParent, _ before: OpenParent?, isMerged: Bool) throws(OperationError) {
        var names: Set<[UInt8]> = []
        for name in try sortedNames(of: directory) {
            guard let path = directory.path.appending(name), let leaf = Path(bytes: name) else { continue }  // a directory entry is one plain name
            do throws(Errno) {
                let status = try directory.handle.status(of: leaf)
                let oldStatus = try self.status(leaf, before)
                names.insert(name)
                if new.hides(status) {
                    if oldStatus != nil { found[path] = .missing }
                    continue
                }
                try kernel(path) { () throws(OperationError) in try look(at: path, leaf, directory, status, before, oldStatus) }
                if status.kind != .directory { continue }
                let child = try OpenParent(path, try directory.handle.open(leaf, [.readOnly, .directory, .noFollow]))
                var oldChild: OpenParent?
                if let before, oldStatus?.kind == .directory { oldChild = try OpenParent(path, try before.handle.open(leaf, [.readOnly, .directory, .noFollow])) }
                let isOpaque = try new.isOpaque(child.handle)
                try kernel(path) { () throws(OperationError) in try walk(child, oldChild, isMerged: isMerged && !isOpaque) }
            } catch {
                if let failure { throw failure }
                throw OperationError("compare", path.text, .errno(error))
            }
        }
        if isMerged { return }
        guard let before else { return }
        for name in try sortedNames(of: before) where !names.contains(name) {
            if let path = before.path.appending(name) { found[path] = .missing }
        }
    }

    /// What went wrong further down, in its own words.
    private var failure: OperationError?

    private func kernel(_ path: InRootPath, _ body: () throws(OperationError) -> Void) throws(Errno) {
        do throws(OperationError) { try body() } catch {
            if failure == nil { failure = error }
            throw error.errno ?? .inputOutput
        }
    }

    private func status(_ name: Path, _ directory: OpenParent?) throws(Errno) -> FileStatus? {
        guard let directory else { return nil }
        do throws(Errno) { return try directory.handle.status(of: name) } catch where error == .noEntry { return nil }
    }

    private func sortedNames(of directory: OpenParent) throws(OperationError) -> [[UInt8]] {
        do throws(Errno) {
            return try directory.sortedNames()
        } catch {
            throw OperationError("list", directory.path.text, .errno(error))
        }
    }

    private func look(
        at path: InRootPath, _ name: Path, _ directory: OpenParent, _ status: FileStatus, _ before: OpenParent?, _ oldStatus: FileStatus?
    ) throws(OperationError) {
        count += 1
        if status.kind == .regular && status.links > 1 { newLinks[FileIdentity(status), default: []].append(path) }
        guard let before, let oldStatus else {
            found[path] = .added
            return
        }
        if status.kind == .regular && oldStatus.kind == .regular && oldStatus.links > 1 { oldLinks[FileIdentity(oldStatus), default: []].append(path) }
        do throws(Errno) {
            let difference = try entries.compare(name, directory.handle, status, before.handle, oldStatus)
            if difference != [] { found[path] = .changed(difference) }
        } catch {
            throw OperationError("compare", path.text, .errno(error))
        }
    }

    // MARK: - Hard links

    private func addLinks() {
        func mark(_ path: InRootPath) {
            switch found[path] {
            case .added, .missing: break
            case .changed(let difference): found[path] = .changed(difference.union(.links))
            case nil: found[path] = .changed(.links)
            }
        }
        if new.form != .flat {
            // what was copied up was cut loose from its other names; two names that are in the writable layer were made one there
            for names in newLinks.values { for name in names { mark(name) } }
            for names in oldLinks.values { for name in names { mark(name) } }
            return
        }
        var newNames: [InRootPath: [InRootPath]] = [:]
        for names in newLinks.values where names.count > 1 { for name in names { newNames[name] = names } }
        var known: Set<InRootPath> = []
        for names in oldLinks.values {
            known.formUnion(names)
            for name in names {
                let now = newNames[name] ?? [name]
                if now != names { for other in now { mark(other) } }
            }
        }
        for names in newLinks.values where names.count > 1 {
            // one that is new or changed is written with all its names, so that they stay one
            if names.contains(where: { !known.contains($0) || found[$0] != nil }) { for name in names { mark(name) } }
        }
    }

    // MARK: - As a layer

    /// The entries of a layer that makes the new tree of the old one: each directory before what is in it, and what is hidden in it
    /// before what is there (IM-layer-012).
    var changes: [TreeChange] {
        var isHidden: [InRootPath: Bool] = [:]
        for (path, difference) in found {
            isHidden[path] = difference == .missing
            // directories that an entry stands in are told of too: without them nobody would know what they are
            var parent = path.parent
            while !parent.isRoot && isHidden[parent] == nil {
                isHidden[parent] = false
                parent = parent.parent
            }
        }
        return isHidden.map { $0.value ? TreeChange.hide($0.key) : .put($0.key) }.sorted(by: Self.precedes)
    }

    private static func precedes(_ first: TreeChange, _ second: TreeChange) -> Bool {
        let (one, other) = (first.path.components, second.path.components)
        func isHidden(_ change: TreeChange, _ index: Int) -> Bool {
            if case .hide(let path) = change { return index == path.components.count - 1 }
            return false
        }
        for index in 0..<min(one.count, other.count) where one[index] != other[index] {
            let hidden = (isHidden(first, index), isHidden(second, index))
            return hidden.0 == hidden.1 ? one[index].lexicographicallyPrecedes(other[index]) : hidden.0
        }
        return one.count < other.count
    }
}
