import Diagnostics
import Kernel

/// Has the kernel write to the disk what is being unpacked, so that little is left to be waited for when a layer is complete (`synchronize`).
///
/// On its own it promises nothing. It looks through a descriptor of its own: an error of the disk is told once to each, and the one that
/// matters is that of `synchronize`.
struct EarlySynchronization: ~Copyable {
    private let worker: Worker
    /// The thread goes on until this end is closed.
    private let end: FileDescriptor

    /// Milliseconds from one beginning to write to the next: fewer make the journal longer, and small images never come to it.
    private static var interval: Int32 { 500 }

    /// Nil where it would only be in the way, on one processor, and where it cannot be had.
    static func begin(of store: LayerStore) -> EarlySynchronization? {
        if Worker.processors < 2 { return nil }
        do throws(Errno) {
            let pipe = try FileDescriptor.pipe()
            let place = try FileDescriptor.open(store.path, [.readOnly, .directory]).relinquish()
            var writing: FileDescriptor?
            let reading = try pipe.intoReading { (end: consuming FileDescriptor) throws(Errno) in writing = consume end }.relinquish()
            guard let end = writing.take() else { return nil }
            do throws(OperationError) {
                return EarlySynchronization(worker: try Worker { run(FileDescriptor(owning: place), until: FileDescriptor(owning: reading)) }, end: end)
            } catch {
                for number in [place, reading] { _ = FileDescriptor(owning: number) }  // closes it
                return nil
            }
        } catch {
            return nil
        }
    }

    private init(worker: consuming Worker, end: consuming FileDescriptor) {
        self.worker = worker
        self.end = end
    }

    private static func run(_ place: consuming FileDescriptor, until end: consuming FileDescriptor) {
        do throws(Errno) {
            while try !end.isReadable(within: interval) { try place.synchronizeFilesystem() }
        } catch {}  // whatever it is, `synchronize` finds it as well
    }

    /// Ends it; waits for what has been begun.
    consuming func finish() {
        let worker = worker
        do throws(Errno) { try end.close() } catch {}  // a pipe's close has nothing to lose
        worker.join()
    }
}
