import CLI
import Diagnostics
import ImageUnpack
import JSON
import Kernel
import OCISpec

extension Calque {
    /// The path of the store that `--store` names.
    static func storePath(_ invocation: Invocation) throws(OperationError) -> Path {
        if let named = invocation.options.value("store") { return Path(named) }
        guard let path = LayerStore.defaultPath else {
            throw OperationError("look for", "store", .invalid("neither XDG_DATA_HOME nor HOME is set"), hint: "--store names a directory")
        }
        return path
    }

    /// The path of a store that is there, for commands that make none; nil when `--store` names none and nothing was ever shared.
    static func existingStore(_ invocation: Invocation) throws(OperationError) -> Path? {
        let path = try storePath(invocation)
        if exists(path) { return path }
        if invocation.options.value("store") == nil { return nil }
        throw OperationError("open store", path.text, .errno(.noEntry), hint: "--store names a directory that \"unpack --mode overlay\" or \"run\" has made")
    }

    static var marks: OverlayMarks { effectiveUserID() == 0 ? .trusted : .user }

    /// `calque list`
    static func list(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let isJSON = invocation.options.value("format") == "json"
        guard let source = invocation.positionals.first else {
            let bundles = try existingStore(invocation).map { (path) throws(OperationError) in try LayerStore.open(path, marks: marks).bundles() } ?? []
            try printOutput(isJSON ? json(bundles) : text(bundles))
            return 0
        }
        let images = try ImageSource(Path(source)).list()
        var table = Table(["TAG", "PLATFORM", "DIGEST"])
        var writer = JSONWriter(indentation: 2)
        writer.array { writer in
            for image in images {
                table.add([image.name ?? "-", image.platform?.text ?? "-", image.digest?.text ?? "-"])
                writer.object { writer in
                    if let name = image.name { writer.member("tag", name) }
                    if let platform = image.platform { writer.member("platform", platform.text) }
                    if let digest = image.digest { writer.member("digest", digest.text) }
                }
            }
        }
        try printOutput(isJSON ? writer.text + "\n" : table.text)
        return 0
    }

    private static func text(_ bundles: [RegisteredBundle]) -> String {
        var table = Table(["BUNDLE", "LAYERS", "STATE"])
        for bundle in bundles { table.add([bundle.path.text, String(bundle.layers), bundle.exists ? "there" : "gone"]) }
        return table.text
    }

    private static func json(_ bundles: [RegisteredBundle]) -> String {
        var writer = JSONWriter(indentation: 2)
        writer.array { writer in
            for bundle in bundles {
                writer.object { writer in
                    writer.member("path", bundle.path.text)
                    writer.member("layers", bundle.layers)
                    writer.member("exists", bundle.exists)
                }
            }
        }
        return writer.text + "\n"
    }

    /// `calque mount`
    static func mount(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let bundle = try OverlayBundle(Path(invocation.positionals[0]))
        try bundle.mount(in: try LayerStore.open(bundle.store, marks: marks))
        return 0
    }

    /// `calque umount`
    static func unmount(_ invocation: Invocation) throws(OperationError) -> Int32 {
        try OverlayBundle(Path(invocation.positionals[0])).unmount()
        return 0
    }

    /// `calque delete`
    static func delete(_ invocation: Invocation) throws(OperationError) -> Int32 {
        try deleteBundle(Path(invocation.positionals[0]), marks: marks)
        return 0
    }

    /// `calque gc`
    static func collectGarbage(_ invocation: Invocation) throws(OperationError) -> Int32 {
        guard let store = try existingStore(invocation) else {
            try printOutput("there is no store\n")
            return 0
        }
        let marks = marks
        try enterNamespaceOfStore()
        let removed = try LayerStore.open(store, marks: marks, exclusive: true).collectGarbage()
        try printOutput("removed: \(removed.layers) layers, \(removed.bundles) entries of bundles that are gone, \(removed.leftovers) leftovers\n")
        return 0
    }
}
