import Criu
import Diagnostics
import JSON
import Kernel

/// The directories of a checkpoint: its images, and criu's log.
struct ImageDirectory: ~Copyable {
    let images: FileDescriptor
    /// Nil when it is the directory of the images.
    let work: FileDescriptor?
    let imagePath: Path
    private let workPath: Path

    /// - Parameter creating: makes the images' directory, and those above it, with mode 0700; the log's is made in any case.
    static func open(_ settings: CriuSettings, creating: Bool) throws(OperationError) -> ImageDirectory {
        if creating { try make(settings.imagePath, "--image-path") }
        let images = try open(settings.imagePath, "--image-path")
        guard let path = settings.workPath, path != settings.imagePath else {
            return ImageDirectory(images: images, work: nil, imagePath: settings.imagePath, workPath: settings.imagePath)
        }
        try make(path, "--work-path")
        return ImageDirectory(images: images, work: try open(path, "--work-path"), imagePath: settings.imagePath, workPath: path)
    }

    private init(images: consuming FileDescriptor, work: consuming FileDescriptor?, imagePath: Path, workPath: Path) {
        self.images = images
        self.work = work
        self.imagePath = imagePath
        self.workPath = workPath
    }

    private static func open(_ path: Path, _ option: String) throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            return try FileDescriptor.open(path, [.readOnly, .directory])
        } catch {
            throw OperationError("open", path.text, .errno(error), hint: "\(option) names a directory")
        }
    }

    private static func make(_ path: Path, _ option: String) throws(OperationError) {
        do throws(Errno) { try makeDirectories(path, permissions: 0o700) } catch {
            throw OperationError("make directory", path.text, .errno(error), hint: "\(option) names a directory")
        }
    }

    /// Puts the directories into `options`. They must stay open as long as criu works.
    borrowing func enter(into options: inout CriuOptions) {
        options.imagesDirectory = images.numberBelowProc
        switch work {
        case .some(let work): options.workDirectory = work.numberBelowProc
        case .none: options.workDirectory = nil
        }
    }

    /// What criu's log `name` says about a failure.
    borrowing func failure(_ operation: String, _ criu: CriuProgram, _ outcome: CriuProgram.Outcome, log name: String) -> OperationError {
        let errors: [String]
        switch work {
        case .some(let work): errors = CriuLog.errors(of: Path(name), in: work)
        case .none: errors = CriuLog.errors(of: Path(name), in: images)
        }
        return criu.failure(operation, outcome, log: errors, logPath: workPath.appending(name).text)
    }

    /// A log of an earlier try must not speak for this one.
    borrowing func forgetLog(_ name: String) throws(OperationError) {
        do throws(Errno) {
            switch work {
            case .some(let work): try work.remove(Path(name))
            case .none: try images.remove(Path(name))
            }
        } catch where error == .noEntry {
        } catch {
            throw OperationError("remove old log", workPath.appending(name).text, .errno(error))
        }
    }

    /// criu takes the directory of earlier images by its path below that of the new ones, and says little when it is not there.
    borrowing func requireParent(_ path: String) throws(OperationError) {
        func refused(_ cause: Cause) -> OperationError {
            OperationError("read option", "--parent-path", cause, hint: "it names a directory with earlier images, relative to --image-path, such as ../first")
        }
        if path.hasPrefix("/") { throw refused(.invalid("\(quoted(path)) is not relative")) }
        do throws(Errno) { _ = try images.open(Path(path), [.path, .directory]) } catch { throw refused(.errno(error)) }
    }

    // MARK: - descriptors.json

    /// Writes the names of the standard streams.
    borrowing func storeStreams(_ names: [String]) throws(OperationError) {
        var writer = JSONWriter()
        writer.array { writer in for name in names { writer.string(name) } }
        do throws(Errno) {
            try images.open(CheckpointNames.descriptors, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600).write(writer.text)
        } catch {
            throw OperationError("write", imagePath.appending(CheckpointNames.descriptors.text).text, .errno(error))
        }
    }

    /// Reads the names of the standard streams.
    /// - Throws: `ENOENT` for a directory without images of a container; `.invalid` for another form.
    borrowing func loadStreams() throws(OperationError) -> [String] {
        let path = imagePath.appending(CheckpointNames.descriptors.text).text
        let bytes: [UInt8]
        do throws(Errno) {
            let file = try images.open(CheckpointNames.descriptors, [.readOnly, .nonBlocking])
            guard try file.status().kind == .regular else { throw .invalid }
            bytes = try file.readAll(limit: 1 << 20)
        } catch {
            throw OperationError("read", path, .errno(error), hint: error == .noEntry ? "--image-path names a directory that \"checkpoint\" has filled" : nil)
        }
        return try JSONDocument(parsing: bytes, source: path).decode { (value) throws(OperationError) in try value.strings() }
    }
}
